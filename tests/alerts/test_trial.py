"""`alerts test` reports a channel as sent only when the channel took the test's own message."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from exporter.alerts.commands import alerts
from exporter.alerts.notifications import CONFIG, CONFIG_DIR, render, write
from exporter.alerts.routing import Config
from exporter.alerts.tallies import Channel, Tallies, Tally
from tests import servers, sinks
from tests.alerts.conftest import fired, messenger

BY_RECEIVER = servers.counts_by_receiver()
"""Whether the installed Alertmanager counts each receiver apart."""
needs_counts_by_receiver = pytest.mark.skipif(not BY_RECEIVER, reason="this Alertmanager counts by integration")
needs_shared_counts = pytest.mark.skipif(BY_RECEIVER, reason="this Alertmanager counts by receiver")


def run_test(url: str, severity: str = "critical", *options: str, timeout_s: float = 60) -> Result:
    arguments = ["test", "--severity", severity, "--alertmanager", url, "--timeout", str(timeout_s), *options]
    return CliRunner().invoke(alerts, arguments)


def ids_at(sink: sinks.HttpSink) -> list[str]:
    """The ids of the tests that have reached a webhook, or Slack, in the order of their messages."""
    found = [re.search(r'test_id(?:": "|%3D%22)(\w{8})', json.dumps(body)) for body in sink.bodies]
    return [each[1] for each in found if each]


def id_in(output: str) -> str:
    """The id of the test that printed `output`."""
    found = re.search(r" alert (\w{8}) is routed to ", output)
    assert found, output
    return found[1]


@contextmanager
def alertmanager_with(
    tmp_path: Path, environ: dict[str, str], change: Callable[[Config], None] = lambda _: None
) -> Iterator[servers.Alertmanager]:
    """An Alertmanager with some channels; `change` edits its rendered configuration."""
    with sinks.http_sink() as exporter:
        files = render(CONFIG_DIR, {"EXAI_ALERTS_URL": exporter.url, **environ})
        config = yaml.safe_load(files[CONFIG])
        change(config)
        write({**files, CONFIG: yaml.safe_dump(config)}, tmp_path)
        with servers.alertmanager_server(tmp_path, tmp_path / CONFIG) as alertmanager:
            yield alertmanager


def hurry(config: Config) -> None:
    """Send changes of a group after 3 s, not after a minute, and retry a test for 10 s, not for 30."""
    config["route"]["group_interval"] = "3s"
    (tests,) = [route for route in config["route"]["routes"] if route["receiver"] == "warning-test"]
    tests["group_interval"] = "10s"


def with_teams(tmp_path: Path, **hooks: sinks.HttpSink) -> dict[str, str]:
    """The setting of a routing file with a team for each provider, told over its own webhook."""
    teams = []
    for provider, hook in hooks.items():
        path = tmp_path / provider
        path.write_text(hook.url)
        own = {"ALERT_WEBHOOK_URL_FILE": str(path)}
        teams.append({"name": f"team-{provider}", "match": {"provider": provider}, "tell": own})
    routing = tmp_path / "routing.yml"
    routing.write_text(yaml.safe_dump({"teams": teams}))
    return {"EXAI_ALERT_ROUTING": str(routing)}


WEBHOOK_SENT = "  exporter: sent\n  webhook: sent\n" if BY_RECEIVER else "  webhook and exporter: sent\n"


def test_it_names_the_receivers_and_each_channel_that_took_the_alert(tmp_path: Path) -> None:
    with messenger(tmp_path) as running:
        done = run_test(running.alertmanager.url)
        assert done.exit_code == 0, done.output
        first, *channels = done.output.splitlines()
        assert first.endswith(" is routed to critical-test, exporter, exporter-test")
        assert channels == ["  email: sent", "  exporter: sent", "  slack: sent"]
        (attachment,) = running.slack.bodies[0]["attachments"]
        assert (attachment["title"], id_in(done.output)) == ("Critical · ExaiTestAlert", *ids_at(running.slack))
        assert [mail["Subject"] for mail in running.smtp.messages] == [
            "[Critical] A test of the way from Alertmanager to you"
        ]


def test_labels_choose_the_receivers_of_a_team(tmp_path: Path) -> None:
    with sinks.http_sink() as team, sinks.http_sink() as all_others:
        environ = {"ALERT_WEBHOOK_URL": all_others.url, **with_teams(tmp_path, kimi=team)}
        with alertmanager_with(tmp_path / "rendered", environ) as alertmanager:
            done = run_test(alertmanager.url, "warning", "--label", "provider=kimi", "--label", "model=a=b")
    assert done.exit_code == 0, done.output
    assert f" is routed to exporter, exporter-test, team-kimi-warning-test\n{WEBHOOK_SENT}" in done.output
    (alert,) = team.bodies[0]["alerts"]
    assert (alert["labels"]["provider"], alert["labels"]["model"]) == ("kimi", "a=b")
    assert all_others.bodies == []


def test_a_team_is_tried_by_its_name(tmp_path: Path) -> None:
    with sinks.http_sink() as kimi, sinks.http_sink() as glm:
        environ = with_teams(tmp_path, kimi=kimi, glm=glm)
        with alertmanager_with(tmp_path / "rendered", environ) as alertmanager:
            done = run_test(alertmanager.url, "info", "--team", "team-glm")
            unknown = run_test(alertmanager.url, "info", "--team", "team-gpt")
    assert done.exit_code == 0, done.output
    assert f" is routed to exporter, exporter-test, team-glm-info-test\n{WEBHOOK_SENT}" in done.output
    assert ids_at(glm) == [id_in(done.output)]
    assert kimi.bodies == []
    assert unknown.exit_code == 1
    assert "has no team team-gpt: it has team-glm, team-kimi. After a change of" in unknown.output


def test_a_team_where_there_is_none_is_refused(tmp_path: Path) -> None:
    with alertmanager_with(tmp_path, {}) as alertmanager:
        done = run_test(alertmanager.url, "info", "--team", "models")
    assert done.exit_code == 1
    assert "has no team models: it has none" in done.output


def test_another_alert_is_not_taken_for_the_test(tmp_path: Path, http_sink: sinks.HttpSink) -> None:
    with alertmanager_with(tmp_path, {"SLACK_WEBHOOK_URL": http_sink.url}) as alertmanager:
        alertmanager.post(fired("ExaiProviderDown", datetime.now(UTC), provider="kimi"))
        done = run_test(alertmanager.url)
    if BY_RECEIVER:
        assert done.exit_code == 0, done.output
        assert "  slack: sent\n" in done.output
    else:
        assert done.exit_code == 1
        reason = "ExaiProviderDown is active and goes to slack as well, which this Alertmanager counts together"
        assert f"  slack: not confirmed: {reason}\n" in done.output
        assert "Error: not confirmed: look whether the message has arrived" in done.output
    assert ids_at(http_sink) == [id_in(done.output)]


@needs_shared_counts
def test_the_end_of_an_earlier_alert_is_not_taken_for_the_test(tmp_path: Path, http_sink: sinks.HttpSink) -> None:
    with alertmanager_with(tmp_path, {"SLACK_WEBHOOK_URL": http_sink.url}, hurry) as alertmanager:
        earlier = fired("ExaiProviderDown", datetime.now(UTC) - timedelta(minutes=1))
        alertmanager.post(earlier)
        servers.wait_until(lambda: http_sink.bodies, what="the earlier alert is sent")
        alertmanager.post({**earlier, "endsAt": datetime.now(UTC).isoformat()})
        done = run_test(alertmanager.url)
    assert done.exit_code == 0, done.output
    titles = [body["attachments"][0]["title"] for body in http_sink.bodies]
    assert titles == [f"{status} · {name}" for status, name in (
        ("Critical", "ExaiProviderDown"), ("Resolved", "ExaiProviderDown"), ("Critical", "ExaiTestAlert"),
    )]  # fmt: skip


@needs_shared_counts
def test_the_watchdog_keeps_webhooks_alone_from_being_confirmed(tmp_path: Path, http_sink: sinks.HttpSink) -> None:
    environ = {"SLACK_WEBHOOK_URL": http_sink.url, "EXAI_WATCHDOG_URL": http_sink.url}
    with alertmanager_with(tmp_path, environ) as alertmanager:
        alertmanager.post(fired("Watchdog", datetime.now(UTC)))
        done = run_test(alertmanager.url)
    assert done.exit_code == 1
    assert "  exporter: not confirmed: Watchdog is active and goes to webhook as well" in done.output
    assert "  slack: sent\n" in done.output


def test_another_test_of_the_same_receivers_is_in_the_way(tmp_path: Path, http_sink: sinks.HttpSink) -> None:
    with alertmanager_with(tmp_path, {"SLACK_WEBHOOK_URL": http_sink.url}) as alertmanager:
        alertmanager.post(fired("ExaiTestAlert", datetime.now(UTC), test_id="0123abcd"))
        done = run_test(alertmanager.url)
    assert done.exit_code == 1
    assert "  slack: not confirmed: test alert 0123abcd is active and goes to slack as well" in done.output


@needs_counts_by_receiver
def test_a_late_retry_of_an_earlier_test_is_not_taken_for_the_next(tmp_path: Path, http_sink: sinks.HttpSink) -> None:
    http_sink.status = 503
    with alertmanager_with(tmp_path, {"SLACK_WEBHOOK_URL": http_sink.url}, hurry) as alertmanager:
        first = run_test(alertmanager.url, timeout_s=3)
        tries = len(http_sink.bodies)
        http_sink.status = 200
        second = run_test(alertmanager.url)
    assert first.exit_code == 1
    assert f"  slack: failed and given up (tries: {tries})\n" in first.output
    assert second.exit_code == 0, second.output
    assert ids_at(http_sink)[tries:] == [id_in(second.output)]


def test_without_receivers_for_tests_nothing_is_confirmed(tmp_path: Path, http_sink: sinks.HttpSink) -> None:
    def of_0_1(config: Config) -> None:
        routes = config["route"]["routes"]
        config["route"]["routes"] = [route for route in routes if not route["receiver"].endswith("-test")]

    with alertmanager_with(tmp_path, {"SLACK_WEBHOOK_URL": http_sink.url}, of_0_1) as alertmanager:
        done = run_test(alertmanager.url)
        servers.wait_until(lambda: ids_at(http_sink), what="the test is sent")
    assert done.exit_code == 1
    assert " is routed to critical, exporter\nError: sent to Alertmanager, but not confirmed: its " in done.output
    assert ids_at(http_sink) == [id_in(done.output)]


def test_a_mute_time_does_not_hold_a_test_back(tmp_path: Path, http_sink: sinks.HttpSink) -> None:
    routing = tmp_path / "routing.yml"
    routing.write_text("mute_times: [{name: always, when: [{times: [{start_time: '00:00', end_time: '24:00'}]}]}]")
    environ = {"SLACK_WEBHOOK_URL": http_sink.url, "EXAI_ALERT_ROUTING": str(routing)}
    with alertmanager_with(tmp_path / "rendered", environ) as alertmanager:
        done = run_test(alertmanager.url, "warning")
    assert done.exit_code == 0, done.output


def test_the_exporter_keeps_one_observation_of_a_test_and_ends_it(
    tmp_path: Path, exporter_server: Callable[[dict[str, str]], servers.Server], http_sink: sinks.HttpSink
) -> None:
    lines = tmp_path / "alerts.jsonl"
    exporter = exporter_server({"EXAI_ALERT_FILE": str(lines)})
    environ = {"SLACK_WEBHOOK_URL": http_sink.url, "EXAI_ALERTS_URL": f"{exporter.url}/api/v1/alerts"}
    environ |= {"EXAI_ALERTS_TOKEN_FILE": str(tmp_path / "state/push-token")}
    with alertmanager_with(tmp_path / "rendered", environ) as alertmanager:
        done = run_test(alertmanager.url)
        assert done.exit_code == 0, done.output
        servers.wait_until(lambda: len(lines.read_text().splitlines()) > 1, what="the observation has ended")
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [line["status"] for line in told] == ["firing", "resolved"]


@pytest.mark.parametrize(
    "label", ["provider", "=kimi", "a-b=c", "severity=info", "alertname=Other", "test_id=1", "test_team=x"]
)
def test_a_label_that_cannot_be_chosen_is_refused(label: str) -> None:
    done = run_test("http://127.0.0.1:1", "info", "--label", label)
    assert done.exit_code == 2
    assert "Invalid value for '--label': " in done.output


def test_it_fails_when_a_channel_refuses_and_says_which(tmp_path: Path, http_sink: sinks.HttpSink) -> None:
    http_sink.status = 404
    with alertmanager_with(tmp_path, {"SLACK_WEBHOOK_URL": http_sink.url}) as alertmanager:
        done = run_test(alertmanager.url, "info")
    assert done.exit_code == 1
    assert "  slack: failed and given up (tries: 1)\n" in done.output


def test_it_fails_when_a_channel_has_not_answered_in_time(tmp_path: Path, http_sink: sinks.HttpSink) -> None:
    http_sink.status = 503
    with alertmanager_with(tmp_path, {"SLACK_WEBHOOK_URL": http_sink.url}, hurry) as alertmanager:
        done = run_test(alertmanager.url, "warning", timeout_s=4)
    assert done.exit_code == 1
    # Where the next test could not tell a retry from its own message, the command waits until there is none.
    told = "failed and given up" if BY_RECEIVER else "no success in time"
    assert f"  slack: {told} (tries: " in done.output


@pytest.mark.parametrize("status", [404, 503])
def test_the_exporter_is_not_taken_for_a_webhook_that_fails(
    status: int, tmp_path: Path, http_sink: sinks.HttpSink
) -> None:
    http_sink.status = status
    with alertmanager_with(tmp_path, {"ALERT_WEBHOOK_URL": http_sink.url}, hurry) as alertmanager:
        done = run_test(alertmanager.url, timeout_s=4)
    assert done.exit_code == 1
    if BY_RECEIVER:
        assert "  exporter: sent\n  webhook: failed and given up (tries: " in done.output
    else:
        told = "failed and given up" if status == 404 else "no success in time"
        assert f"  webhook and exporter: {told} (2 of 3 sent, tries: " in done.output


def test_an_exporter_that_takes_no_alerts_is_said(tmp_path: Path, http_sink: sinks.HttpSink) -> None:
    nobody = f"http://{servers.LOOPBACK}:{servers.free_port()}/hook"
    environ = {"SLACK_WEBHOOK_URL": http_sink.url, "EXAI_ALERTS_URL": nobody}
    with alertmanager_with(tmp_path, environ, hurry) as alertmanager:
        done = run_test(alertmanager.url)
    assert done.exit_code == 1
    # Two messages go to the exporter: its observation's, and the one that is counted apart.
    counts = "" if BY_RECEIVER else "0 of 2 sent, "
    assert f"  exporter: failed and given up ({counts}tries: " in done.output
    assert "  slack: sent\n" in done.output


def test_tests_may_follow_each_other(tmp_path: Path, http_sink: sinks.HttpSink) -> None:
    with alertmanager_with(tmp_path, {"SLACK_WEBHOOK_URL": http_sink.url}, hurry) as alertmanager:
        for _ in range(2):
            done = run_test(alertmanager.url)
            assert done.exit_code == 0, done.output
            assert ids_at(http_sink)[-1] == id_in(done.output)
    assert len(http_sink.bodies) == 2


def test_a_silence_is_named_at_once(tmp_path: Path, http_sink: sinks.HttpSink) -> None:
    with alertmanager_with(tmp_path, {"SLACK_WEBHOOK_URL": http_sink.url}) as alertmanager:
        now = datetime.now(UTC)
        silence = alertmanager.silence(now, now + timedelta(hours=1), severity="info")
        done = run_test(alertmanager.url, "info")
    assert done.exit_code == 1
    assert f"a silence or another alert holds it back: {silence}\n" in done.output


def test_it_fails_when_no_channel_is_switched_on(tmp_path: Path) -> None:
    with alertmanager_with(tmp_path, {}) as alertmanager:
        done = run_test(alertmanager.url)
    assert done.exit_code == 1
    assert "no notification channel is configured: set SLACK_WEBHOOK_URL, SMTP_HOST or ALERT_WEBHOOK_URL" in done.output


def test_it_fails_when_there_is_no_alertmanager() -> None:
    url = f"http://127.0.0.1:{servers.free_port()}"
    done = run_test(url)
    assert done.exit_code == 1
    assert f"Error: {url} cannot be reached: " in done.output


@pytest.mark.parametrize(
    ("tally", "sent", "ended"),
    [
        (Tally(), False, False),
        (Tally(tries=2, failed_tries=2), False, False),
        (Tally(tries=2, failed_tries=2, given_up=1), False, True),
        (Tally(tries=3, failed_tries=2), True, True),
    ],
)
def test_a_channel_has_sent_when_one_try_succeeded(tally: Tally, *, sent: bool, ended: bool) -> None:
    assert (tally.sent, tally.ended) == (sent, ended)


WEBHOOK, EXPORTER = (
    Channel("webhook", "webhook", frozenset({"critical"}), 1),
    Channel("exporter", "webhook", frozenset({"exporter"}), 1),
)


def counted(**receivers: int) -> Tallies:
    series = 'alertmanager_notification_requests_total{integration="webhook",receiver_name="%s"} %d\n'
    return Tallies("".join(series % receiver for receiver in receivers.items()))


def test_receivers_that_alertmanager_names_are_told_apart() -> None:
    before, after = counted(critical=1, exporter=7), counted(critical=1, exporter=9)
    assert after.by_receiver
    assert (after.since(before, WEBHOOK).taken, after.since(before, EXPORTER).taken) == (0, 2)


def test_the_alertmanager_of_the_settings_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundle's listens where EXAI_ALERTMANAGER_LISTEN says; ALERTMANAGER_URL goes before it."""
    monkeypatch.delenv("ALERTMANAGER_URL", raising=False)
    listen = f"{servers.LOOPBACK}:{servers.free_port()}"
    monkeypatch.setenv("EXAI_ALERTMANAGER_LISTEN", listen)
    done = CliRunner().invoke(alerts, ["test", "--severity", "critical"])
    assert f"http://{listen} cannot be reached" in done.output
    monkeypatch.setenv("ALERTMANAGER_URL", "http://127.0.0.1:1")
    done = CliRunner().invoke(alerts, ["test", "--severity", "critical"])
    assert "http://127.0.0.1:1 cannot be reached" in done.output
