"""Each wrong setting is refused by name, and no secret is ever told."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.alerts.channels import base_urls, dead_mans_switch, switched_on
from exporter.alerts.values import NotificationError

WEBHOOK = "https://hooks.slack.example/services/T0/B0/very-secret"
EMAIL = {"SMTP_HOST": "mail.example", "SMTP_FROM": "exai@example.org", "SMTP_TO": "ops@example.org"}
LOGIN = {"SMTP_USERNAME": "exai", "SMTP_PASSWORD": "very-secret"}


def names(environ: dict[str, str]) -> list[str]:
    return [channel.name for channel in switched_on(environ)]


def test_without_settings_no_channel_is_on() -> None:
    assert names({}) == []


def test_empty_values_and_empty_files_count_as_unset(tmp_path: Path) -> None:
    empty = tmp_path / "no-secret"
    empty.touch()
    secrets = ("SLACK_WEBHOOK_URL", "SMTP_PASSWORD", "ALERT_WEBHOOK_URL", "EXAI_WATCHDOG_URL")
    files = {f"{setting}_FILE": str(empty) for setting in secrets}
    settings = ("SLACK_WEBHOOK_URL", "SMTP_HOST", "SMTP_PORT", "SMTP_FROM", "SMTP_TO", "SMTP_USERNAME", "SMTP_PASSWORD")
    unset = {**dict.fromkeys((*settings, *secrets), ""), **files}
    assert names(unset) == []
    assert dead_mans_switch(unset) == []


def test_each_channel_is_switched_on_by_its_own_setting() -> None:
    assert names({"SLACK_WEBHOOK_URL": WEBHOOK}) == ["slack"]
    assert names(EMAIL) == ["email"]
    assert names({"ALERT_WEBHOOK_URL": WEBHOOK}) == ["webhook"]
    assert names({**EMAIL, "ALERT_WEBHOOK_URL": WEBHOOK, "SLACK_WEBHOOK_URL": WEBHOOK}) == ["slack", "email", "webhook"]
    assert names({"EXAI_WATCHDOG_URL": WEBHOOK}) == []
    assert [channel.name for channel in dead_mans_switch({"EXAI_WATCHDOG_URL": WEBHOOK})] == ["watchdog"]


def test_secrets_are_read_from_files_without_the_line_end(tmp_path: Path) -> None:
    webhook, password = tmp_path / "webhook", tmp_path / "password"
    webhook.write_text(WEBHOOK + "\n")
    password.write_text("very-secret\n")
    files = {"SLACK_WEBHOOK_URL_FILE": str(webhook), "SMTP_PASSWORD_FILE": str(password)}
    slack, email = switched_on({**EMAIL, "SMTP_USERNAME": "exai", **files})
    assert slack.values["SLACK_WEBHOOK_URL"] == WEBHOOK
    assert email.values["SMTP_PASSWORD"] == "very-secret"


def test_email_asks_for_tls_on_port_587_unless_told_otherwise() -> None:
    (email,) = switched_on(EMAIL)
    assert (email.values["SMTP_PORT"], email.values["SMTP_TLS"]) == ("587", True)
    (email,) = switched_on({**EMAIL, "SMTP_PORT": "2525", "SMTP_TLS": "False"})
    assert (email.values["SMTP_PORT"], email.values["SMTP_TLS"]) == ("2525", False)


@pytest.mark.parametrize(
    ("environ", "setting"),
    [
        ({"SLACK_WEBHOOK_URL": "very-secret"}, "SLACK_WEBHOOK_URL"),
        ({"SLACK_WEBHOOK_URL": "ftp://host/very-secret"}, "SLACK_WEBHOOK_URL"),
        ({"SLACK_WEBHOOK_URL": "https:///very-secret"}, "SLACK_WEBHOOK_URL"),
        ({"SLACK_WEBHOOK_URL": "https://[very-secret"}, "SLACK_WEBHOOK_URL"),
        ({"SLACK_WEBHOOK_URL": "https://host:99999/very-secret"}, "SLACK_WEBHOOK_URL"),
        ({"SLACK_WEBHOOK_URL": "https://host/very-secret\nx"}, "SLACK_WEBHOOK_URL"),
        ({"SLACK_WEBHOOK_URL_FILE": "/nowhere/at-all"}, "SLACK_WEBHOOK_URL_FILE"),
        ({"ALERT_WEBHOOK_URL": "very-secret"}, "ALERT_WEBHOOK_URL"),
        ({"EXAI_WATCHDOG_URL": "very-secret"}, "EXAI_WATCHDOG_URL"),
        ({**EMAIL, "SMTP_HOST": "mail.example:25"}, "SMTP_HOST"),
        ({**EMAIL, "SMTP_PORT": "smtp"}, "SMTP_PORT"),
        ({**EMAIL, "SMTP_PORT": "65536"}, "SMTP_PORT"),
        ({**EMAIL, "SMTP_FROM": ""}, "SMTP_FROM"),
        ({**EMAIL, "SMTP_TO": "nobody"}, "SMTP_TO"),
        ({**EMAIL, "SMTP_TO": "a@example.org\nBcc: b@example.org"}, "SMTP_TO"),
        ({**EMAIL, "SMTP_TLS": "perhaps"}, "SMTP_TLS"),
        ({**EMAIL, "SMTP_USERNAME": "exai"}, "SMTP_PASSWORD"),
        ({**EMAIL, "SMTP_PASSWORD": "very-secret"}, "SMTP_USERNAME"),
        ({"SMTP_TO": "ops@example.org"}, "SMTP_HOST"),
    ],
)
def test_a_wrong_setting_is_named_and_its_secret_is_not_told(environ: dict[str, str], setting: str) -> None:
    with pytest.raises(NotificationError, match=rf"^{setting}: ") as refused:
        _ = [*switched_on(environ), *dead_mans_switch(environ)]
    assert "very-secret" not in str(refused.value)


def test_a_secret_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "webhook"
    path.write_text(WEBHOOK)
    with pytest.raises(NotificationError, match="SLACK_WEBHOOK_URL: is set twice") as refused:
        switched_on({"SLACK_WEBHOOK_URL": WEBHOOK, "SLACK_WEBHOOK_URL_FILE": str(path)})
    assert "very-secret" not in str(refused.value)


def test_links_point_to_loopback_unless_told_otherwise() -> None:
    assert base_urls({"GRAFANA_URL": "https://grafana.example/", "ALERTMANAGER_URL": ""}) == {
        "grafana": "https://grafana.example",
        "alertmanager": "http://127.0.0.1:9093",
        "exporter": "http://127.0.0.1:9464",
    }


@pytest.mark.parametrize("setting", ["GRAFANA_URL", "ALERTMANAGER_URL", "EXAI_EXTERNAL_URL"])
@pytest.mark.parametrize("url", ["grafana.example", "javascript:alert(1)", "http://x/{{ . }}", 'http://x/"><b>'])
def test_a_link_that_could_break_a_template_is_refused(setting: str, url: str) -> None:
    with pytest.raises(NotificationError, match=f"^{setting}: "):
        base_urls({setting: url})
