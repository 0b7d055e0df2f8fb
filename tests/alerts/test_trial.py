"""`alerts test` tells the truth about where the test alert went."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from exporter.alerts.commands import alerts
from exporter.alerts.notifications import CONFIG_DIR, render, write
from exporter.alerts.tallies import Channel, Tallies, Tally
from tests import servers, sinks
from tests.alerts.conftest import messenger


def run_test(url: str, severity: str = "critical", *labels: str, timeout_s: float = 60) -> Result:
    arguments = ["test", "--severity", severity, "--alertmanager", url, "--timeout", str(timeout_s)]
    arguments += [part for label in labels for part in ("--label", label)]
    return CliRunner().invoke(alerts, arguments)


@contextmanager
def alertmanager_with(tmp_path: Path, environ: dict[str, str]) -> Iterator[servers.Alertmanager]:
    with sinks.http_sink() as exporter:
        write(render(CONFIG_DIR, {"EXAI_ALERTS_URL": exporter.url, **environ}), tmp_path)
        with servers.alertmanager_server(tmp_path, tmp_path / "alertmanager.yml") as alertmanager:
            yield alertmanager


def told_apart() -> bool:
    """Whether the installed Alertmanager says which receiver its numbers are of."""
    return servers.knows("alertmanager", servers.RECEIVERS_IN_METRICS)


def test_it_names_the_receiver_and_each_channel_that_took_the_alert(tmp_path: Path) -> None:
    with messenger(tmp_path) as running:
        done = run_test(running.alertmanager.url)
        assert done.exit_code == 0, done.output
        first, *channels = done.output.splitlines()
        assert first.endswith(" is routed to critical, exporter")
        assert channels == ["  email: sent", "  exporter: sent", "  slack: sent"]
        assert running.attachment("Critical · ExaiTestAlert")
        assert running.mail("[Critical] A test of the way from Alertmanager to you")


def test_labels_choose_the_places_of_a_team(tmp_path: Path) -> None:
    with sinks.http_sink() as team, sinks.http_sink() as all_others:
        hook = tmp_path / "hook"
        hook.write_text(team.url)
        routing = tmp_path / "routing.yml"
        own = {"name": "models", "match": {"provider": "kimi|glm"}, "tell": {"ALERT_WEBHOOK_URL_FILE": str(hook)}}
        routing.write_text(yaml.safe_dump({"teams": [own]}))
        environ = {"ALERT_WEBHOOK_URL": all_others.url, "EXAI_ALERT_ROUTING": str(routing)}
        with alertmanager_with(tmp_path / "rendered", environ) as alertmanager:
            done = run_test(alertmanager.url, "warning", "provider=kimi", "model=a=b")
    assert done.exit_code == 0, done.output
    sent = "  exporter: sent\n  webhook: sent\n" if told_apart() else "  webhook and exporter: sent\n"
    assert f" is routed to exporter, models-warning\n{sent}" in done.output
    (alert,) = team.bodies[0]["alerts"]
    assert (alert["labels"]["provider"], alert["labels"]["model"]) == ("kimi", "a=b")
    assert all_others.bodies == []


@pytest.mark.parametrize("label", ["provider", "=kimi", "a-b=c", "severity=info", "alertname=Other", "test_id=1"])
def test_a_label_that_cannot_be_chosen_is_refused(label: str) -> None:
    done = run_test("http://127.0.0.1:1", "info", label)
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
    with alertmanager_with(tmp_path, {"SLACK_WEBHOOK_URL": http_sink.url}) as alertmanager:
        done = run_test(alertmanager.url, "warning", timeout_s=14)
    assert done.exit_code == 1
    assert "  slack: no success in time (tries: " in done.output


@pytest.mark.parametrize(("status", "told"), [(404, "failed and given up"), (503, "no success in time")])
def test_the_exporter_is_not_taken_for_a_webhook_that_fails(
    status: int, told: str, tmp_path: Path, http_sink: sinks.HttpSink
) -> None:
    http_sink.status = status
    with alertmanager_with(tmp_path, {"ALERT_WEBHOOK_URL": http_sink.url}) as alertmanager:
        done = run_test(alertmanager.url, timeout_s=14)
    assert done.exit_code == 1
    if told_apart():
        assert f"  exporter: sent\n  webhook: {told} (tries: " in done.output
    else:
        assert f"  webhook and exporter: {told} (1 of 2 sent, tries: " in done.output


def test_an_exporter_that_takes_no_alerts_is_said(tmp_path: Path, http_sink: sinks.HttpSink) -> None:
    nobody = f"http://{servers.LOOPBACK}:{servers.free_port()}/hook"
    environ = {"SLACK_WEBHOOK_URL": http_sink.url, "EXAI_ALERTS_URL": nobody}
    with alertmanager_with(tmp_path, environ) as alertmanager:
        done = run_test(alertmanager.url)
    assert done.exit_code == 1
    assert "  exporter: failed and given up (tries: " in done.output
    assert "  slack: sent\n" in done.output


def test_tests_may_follow_each_other(tmp_path: Path, http_sink: sinks.HttpSink) -> None:
    with alertmanager_with(tmp_path, {"SLACK_WEBHOOK_URL": http_sink.url}) as alertmanager:
        for severity in ("critical", "warning"):
            done = run_test(alertmanager.url, severity)
            assert done.exit_code == 0, done.output


def test_a_silence_is_named_at_once(tmp_path: Path, http_sink: sinks.HttpSink) -> None:
    with alertmanager_with(tmp_path, {"SLACK_WEBHOOK_URL": http_sink.url}) as alertmanager:
        now = datetime.now(UTC)
        silence = alertmanager.silence(now, now + timedelta(hours=1), severity="info")
        done = run_test(alertmanager.url, "info")
    assert done.exit_code == 1
    assert f"Alertmanager tells nobody while this lasts: silence or alert {silence}\n" in done.output


def test_it_fails_when_no_channel_is_switched_on(tmp_path: Path) -> None:
    with alertmanager_with(tmp_path, {}) as alertmanager:
        done = run_test(alertmanager.url)
    assert done.exit_code == 1
    assert "no channel tells anybody: set SLACK_WEBHOOK_URL, SMTP_HOST or ALERT_WEBHOOK_URL" in done.output


def test_it_fails_when_there_is_no_alertmanager() -> None:
    url = f"http://127.0.0.1:{servers.free_port()}"
    done = run_test(url)
    assert done.exit_code == 1
    assert f"Error: {url} cannot be asked: " in done.output


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
