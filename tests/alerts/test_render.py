"""The rendered configuration is valid, private, and holds exactly the channels that are switched on."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from exporter.alerts.commands import alerts as command
from exporter.alerts.notifications import CONFIG_DIR, check, render, write
from exporter.alerts.routing import EXPORTER
from exporter.alerts.trial_routes import is_copy
from exporter.alerts.values import NotificationError
from tests.servers import ROOT, binary

SLACK = {"SLACK_WEBHOOK_URL": "https://hooks.slack.example/very-secret", "SLACK_CHANNEL": "#alerts"}
EMAIL = {"SMTP_HOST": "mail.example", "SMTP_FROM": "exai@example.org", "SMTP_TO": "a@example.org, b@example.org"}
LOGIN = {"SMTP_USERNAME": "exai", "SMTP_PASSWORD": "very-secret: {}\n'\""}
HOOK = {"ALERT_WEBHOOK_URL": "https://user:very-secret@hook.example/?token=very-secret"}
SWITCH = {"EXAI_WATCHDOG_URL": "https://switch.example/very-secret"}
CHOICES = [dict(pair for part in parts for pair in part.items())
           for count in range(6) for parts in combinations((SLACK, EMAIL, LOGIN, HOOK, SWITCH), count)
           if LOGIN not in parts or EMAIL in parts]  # fmt: skip
"""Every combination of channels that makes sense."""


def all_receivers(environ: dict[str, str]) -> dict[str, dict[str, Any]]:
    config = yaml.safe_load(render(CONFIG_DIR, environ)["alertmanager.yml"])
    return {receiver.pop("name"): receiver for receiver in config["receivers"]}


def receivers(environ: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Those of people and of the dead man's switch."""
    found = all_receivers(environ).items()
    return {name: receiver for name, receiver in found if name != EXPORTER and not is_copy(name)}


def webhook(environ: dict[str, str]) -> dict[str, Any]:
    """How the exporter is told."""
    config = yaml.safe_load(render(CONFIG_DIR, environ)["alertmanager.yml"])
    (told,) = next(receiver for receiver in config["receivers"] if receiver["name"] == EXPORTER)["webhook_configs"]
    return dict(told)


@pytest.mark.parametrize("environ", CHOICES, ids=lambda environ: "+".join(environ) or "none")
def test_amtool_accepts_every_combination_of_channels(environ: dict[str, str], tmp_path: Path) -> None:
    binary("amtool")
    write(render(CONFIG_DIR, environ), tmp_path)
    assert check(tmp_path, environ)


def test_the_shipped_configuration_is_valid_as_it_is() -> None:
    assert check(CONFIG_DIR, {})


def test_without_a_channel_nobody_is_told() -> None:
    assert receivers({}) == {"critical": {}, "warning": {}, "info": {}, "watchdog": {}}


def test_the_exporter_is_told_where_it_listens() -> None:
    assert webhook({}) == {"url": "http://127.0.0.1:9464/api/v1/alerts", "send_resolved": True}
    assert webhook({"EXAI_LISTEN": "0.0.0.0:9000"})["url"] == "http://127.0.0.1:9000/api/v1/alerts"
    assert webhook({"EXAI_LISTEN": "[::1]:9000"})["url"] == "http://[::1]:9000/api/v1/alerts"
    named = "http://exporter:9464/api/v1/alerts"
    assert webhook({"EXAI_LISTEN": "0.0.0.0:9000", "EXAI_ALERTS_URL": named})["url"] == named
    with pytest.raises(NotificationError, match="EXAI_ALERTS_URL: is not"):
        webhook({"EXAI_ALERTS_URL": "exporter:9464"})


def test_the_exporter_is_shown_the_push_token_from_its_file(tmp_path: Path) -> None:
    files = {"EXAI_STATE_DIR": "/s", "EXAI_TOKEN_FILE": "/t", "EXAI_ALERTS_TOKEN_FILE": "/w"}
    for wanted in ("/w", "/t", "/s/push-token"):
        authorization = webhook(files)["http_config"]["authorization"]
        assert authorization == {"type": "Bearer", "credentials_file": wanted}
        write(render(CONFIG_DIR, files), tmp_path)
        assert check(tmp_path, files), "amtool takes it, though there is no such file yet"
        files.popitem()


def test_slack_and_the_webhook_hear_everything_and_email_only_what_matters() -> None:
    channels = {name: sorted(configured) for name, configured in receivers({**SLACK, **EMAIL, **HOOK}).items()}
    all_three = ["email_configs", "slack_configs", "webhook_configs"]
    info = ["slack_configs", "webhook_configs"]
    assert channels == {"critical": all_three, "warning": all_three, "info": info, "watchdog": []}


def test_the_dead_mans_switch_hears_the_watchdog_and_never_that_it_ended() -> None:
    (switch,) = receivers(SWITCH).pop("watchdog")["webhook_configs"]
    assert switch == {"url": SWITCH["EXAI_WATCHDOG_URL"], "send_resolved": False}
    assert not any(receiver for name, receiver in receivers(SWITCH).items() if name != "watchdog")


def test_what_is_empty_is_left_out() -> None:
    (slack,) = receivers({"SLACK_WEBHOOK_URL": SLACK["SLACK_WEBHOOK_URL"]})["critical"]["slack_configs"]
    assert "channel" not in slack
    (email,) = receivers(EMAIL)["critical"]["email_configs"]
    assert not [key for key in email if key.startswith("auth_")]


def test_values_arrive_as_they_are_whatever_they_hold() -> None:
    (email,) = receivers({**EMAIL, **LOGIN, "SMTP_TLS": "false", "SMTP_PORT": "25"})["warning"]["email_configs"]
    assert email["auth_password"] == LOGIN["SMTP_PASSWORD"]
    assert (email["smarthost"], email["require_tls"], email["to"]) == ("mail.example:25", False, EMAIL["SMTP_TO"])


def test_every_message_is_followed_by_one_that_it_is_over() -> None:
    for receiver in receivers({**SLACK, **EMAIL, **HOOK}).values():
        assert all(channel["send_resolved"] for channels in receiver.values() for channel in channels)


def test_each_receiver_but_the_watchdogs_has_a_copy_that_does_not_report_an_end() -> None:
    found = all_receivers({**SLACK, **EMAIL, **HOOK, **SWITCH, "EXAI_ALERTS_TOKEN_FILE": "/run/token"})
    copied = {name.removesuffix("-test"): receiver for name, receiver in found.items() if is_copy(name)}
    for name, receiver in found.items():
        for channel in (channel for channels in receiver.values() for channel in channels):
            channel["send_resolved"] = False
        assert is_copy(name) or name == "watchdog" or copied.pop(name) == receiver
    assert copied == {}


def test_only_the_owner_reads_what_is_written_and_the_next_render_replaces_it(tmp_path: Path) -> None:
    write(render(CONFIG_DIR, {**SLACK, **EMAIL, **HOOK, **SWITCH}), tmp_path)
    stale = tmp_path / "templates/stale.tmpl"
    stale.write_text("{{ broken")
    write(render(CONFIG_DIR, {}), tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
    assert "very-secret" not in (tmp_path / "alertmanager.yml").read_text()
    assert {path.name for path in files} == {
        "alertmanager.yml",
        *(f"{name}.tmpl" for name in ("common", "email", "links", "slack")),
    }


@pytest.mark.parametrize("environ", [SLACK, SWITCH], ids=["slack", "switch"])
def test_a_configuration_that_amtool_refuses_is_told_without_its_secrets(
    environ: dict[str, str], tmp_path: Path
) -> None:
    setting = next(iter(environ))
    binary("amtool")
    (tmp_path / "alertmanager.yml").write_text(f"receivers: [{{name: x, slack_configs: [{{{environ[setting]}: 1}}]}}]")
    with pytest.raises(NotificationError, match="amtool refuses it") as refused:
        check(tmp_path, environ)
    assert f"<{setting}>" in str(refused.value)
    assert "very-secret" not in str(refused.value)


def test_the_command_says_who_is_told(tmp_path: Path) -> None:
    done = CliRunner(env={**SLACK, **EMAIL, **HOOK}).invoke(command, ["render", "--output", str(tmp_path)])
    assert done.exit_code == 0
    assert "alerts go to slack and email and webhook\n" in done.output
    assert "very-secret" not in done.output


def test_the_command_fails_on_a_wrong_setting_and_writes_nothing(tmp_path: Path) -> None:
    done = CliRunner(env={**SLACK, "SMTP_TO": "a@example.org"}).invoke(command, ["render", "--output", str(tmp_path)])
    assert done.exit_code == 1
    assert "Error: SMTP_HOST: is missing" in done.output
    assert list(tmp_path.iterdir()) == []


def test_rendering_needs_nothing_of_the_server() -> None:
    code = (
        "import sys, exporter.alerts.notifications; print(*sorted(m for m in sys.modules if m.startswith('exporter')))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(loaded.split()) <= {
        "exporter",
        "exporter.conventions",
        "exporter.alerts",
        "exporter.alerts.channels",
        "exporter.alerts.notifications",
        "exporter.alerts.routing",
        "exporter.alerts.trial_routes",
        "exporter.alerts.values",
        "exporter.shipped_files",
    }
