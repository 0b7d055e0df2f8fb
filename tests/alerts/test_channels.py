"""The channels beside Slack and mail: a webhook of one's own, the dead man's switch, the console and a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from exporter.alerts.notifications import CONFIG_DIR, render, write
from tests.alerts.conftest import fired
from tests.servers import Server, alertmanager_server, wait_until
from tests.sinks import http_sink

StartExporter = Callable[[Mapping[str, str]], Server]
KIMI = {"summary": "kimi is down", "description": "Nothing\nanswers.", "service": "kimi", "provider": "kimi"}


def test_a_webhook_and_a_dead_mans_switch_are_told_as_they_ask_for(tmp_path: Path, started: datetime) -> None:
    with http_sink() as hook, http_sink() as switch, http_sink() as exporter:
        urls = {"ALERT_WEBHOOK_URL": hook.url, "EXAI_WATCHDOG_URL": f"{switch.url}?secret"}
        for setting, url in urls.items():
            (tmp_path / setting).write_text(url)
        files = {f"{setting}_FILE": str(tmp_path / setting) for setting in urls}
        write(render(CONFIG_DIR, {"EXAI_ALERTS_URL": exporter.url, **files}), tmp_path)
        with alertmanager_server(tmp_path, tmp_path / "alertmanager.yml") as alertmanager:
            down, watchdog = fired("ExaiProviderDown", started, **KIMI), fired("Watchdog", started, severity="info")
            alertmanager.post(down, watchdog)
            wait_until(lambda: hook.bodies and switch.bodies, 60, "both are told")
            alertmanager.post({**down, "endsAt": started.isoformat()})
            wait_until(lambda: len(switch.bodies) == 2, 90, "the switch hears the Watchdog again after a minute")
            alertmanager.post({**watchdog, "endsAt": started.isoformat()})
            wait_until(lambda: len(hook.bodies) == 2, 90, "the webhook is told that it is over")
    assert [body["status"] for body in hook.bodies] == ["firing", "resolved"]
    assert {alert["labels"]["alertname"] for body in hook.bodies for alert in body["alerts"]} == {"ExaiProviderDown"}
    assert [body["status"] for body in switch.bodies] == ["firing", "firing"]
    assert hook.bodies[0]["alerts"][0]["annotations"]["recommendation"] == "Do r."


def test_a_switch_keeps_every_alert_from_everybody(tmp_path: Path) -> None:
    secret = "https://a.example/very-secret"
    (tmp_path / "url").write_text(secret)
    tell = f"{{ SLACK_WEBHOOK_URL_FILE: {tmp_path / 'url'} }}"
    (tmp_path / "routing.yml").write_text(f"teams: [{{ name: a, match: {{ provider: kimi }}, tell: {tell} }}]")
    people = {
        "ALERT_WEBHOOK_URL": secret, "SLACK_WEBHOOK_URL": secret, "EXAI_WATCHDOG_URL": secret,
        "SMTP_HOST": "very-secret", "SMTP_FROM": "a@example.org", "SMTP_TO": "b@example.org",
        "EXAI_ALERT_ROUTING": str(tmp_path / "routing.yml"),
    }  # fmt: skip
    told, silent = render(CONFIG_DIR, people), render(CONFIG_DIR, {**people, "EXAI_NOTIFY": "false"})
    receivers = yaml.safe_load(told["alertmanager.yml"])["receivers"]
    reaching = {receiver["name"] for receiver in receivers if "very-secret" in str(receiver)}
    assert {"critical", "warning", "info", "a-critical", "watchdog"} <= reaching
    assert "very-secret" not in "".join(silent.values())
    assert "/api/v1/alerts" in silent["alertmanager.yml"], "the exporter still keeps observations"


def test_the_urls_of_webhooks_are_in_no_file_that_others_can_read(tmp_path: Path) -> None:
    urls = {"ALERT_WEBHOOK_URL": "https://a.example/very-secret", "EXAI_WATCHDOG_URL": "https://b.example/very-secret"}
    os.umask(mask := os.umask(0))
    assert mask != 0o077, "the mode is not that of the mask"
    write(render(CONFIG_DIR, urls), tmp_path)
    holding = [path for path in tmp_path.rglob("*") if path.is_file() and "very-secret" in path.read_text()]
    assert [path.name for path in holding] == ["alertmanager.yml"]
    assert oct(holding[0].stat().st_mode & 0o777) == "0o600"


def test_the_console_and_a_file_tell_each_beginning_and_each_end_once(
    tmp_path: Path, exporter_server: StartExporter
) -> None:
    file = tmp_path / "alerts.jsonl"
    exporter = exporter_server({"EXAI_ALERT_CONSOLE": "true", "EXAI_ALERT_FILE": str(file)})
    environ = {"EXAI_LISTEN": exporter.address, "EXAI_STATE_DIR": str(tmp_path / "state")}
    write(render(CONFIG_DIR, environ), tmp_path / "rendered")
    began = datetime.now(UTC).replace(microsecond=0)
    ended = began + timedelta(seconds=1)
    with alertmanager_server(tmp_path, tmp_path / "rendered/alertmanager.yml") as alertmanager:
        down = fired("ExaiProviderDown", began, **KIMI)
        alertmanager.post(down)
        wait_until(lambda: file.read_text(), 30, "it is told")
        # The group is told again with the second alert, and with it the first, whose text has changed.
        changed = {**down, "annotations": {**down["annotations"], "description": "Still nothing."}}
        alertmanager.post(changed, fired("ExaiProviderDown", began, provider="glm"))
        wait_until(lambda: len(file.read_text().splitlines()) == 2, 60, "the second is told")
        alertmanager.post({**changed, "endsAt": ended.isoformat()})
        wait_until(lambda: len(file.read_text().splitlines()) >= 3, 60, "its end is told")
    told = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(each["status"], each["labels"]["provider"]) for each in told] == [
        ("firing", "kimi"), ("firing", "glm"), ("resolved", "kimi"),
    ]  # fmt: skip
    assert told[0]["description"] == "Nothing\nanswers."
    assert told[2]["resolved_at"] == ended.isoformat().replace("+00:00", "Z")
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    lines = [line for line in exporter.log.read_text().splitlines() if "ExaiProviderDown" in line]
    at, over = (time.isoformat().replace("+00:00", "Z") for time in (began, ended))
    assert lines == [
        f"{at} CRITICAL ExaiProviderDown service=kimi provider=kimi - kimi is down: Nothing answers. Do r.",
        f"{at} CRITICAL ExaiProviderDown provider=glm - s: d Do r.",
        f"{over} RESOLVED ExaiProviderDown service=kimi provider=kimi - kimi is down: Still nothing.",
    ]


def test_a_file_that_cannot_be_written_is_named_at_the_start(tmp_path: Path, exporter_server: StartExporter) -> None:
    with pytest.raises(AssertionError) as ended:
        exporter_server({"EXAI_ALERT_FILE": str(tmp_path / "no/such/alerts.jsonl")})
    assert "alert_file: " in "".join(ended.value.__notes__)
    assert "cannot be written: No such file or directory" in "".join(ended.value.__notes__)
