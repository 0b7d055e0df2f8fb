"""Which channels the environment switches on, and what each needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.alerts import values
from exporter.alerts.values import Environ, NotificationError

Value = str | bool

_LINKS = {
    "grafana": ("GRAFANA_URL", "http://127.0.0.1:3000"),
    "alertmanager": ("ALERTMANAGER_URL", "http://127.0.0.1:9093"),
    "exporter": ("EXAI_EXTERNAL_URL", "http://127.0.0.1:9464"),
}
_ANY_HOST = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - what is listened on, and how it is called
NOTIFY = "EXAI_NOTIFY"
SECRETS = ("SLACK_WEBHOOK_URL", "SMTP_PASSWORD", "ALERT_WEBHOOK_URL", "EXAI_WATCHDOG_URL")


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel that is switched on: the name of its file in receivers/, and the values of its placeholders."""

    name: str
    values: Mapping[str, Value]

    @property
    def secrets(self) -> Mapping[str, str]:
        """What nobody may be shown, by the setting that it comes from."""
        return {name: str(self.values[name]) for name in SECRETS if self.values.get(name)}


def switched_on(environ: Environ) -> list[Channel]:
    """The channels that reach people; an empty value, or an empty file, counts as unset."""
    if not notifies(environ):
        return []
    return [channel for channel in (_slack(environ), _email(environ), _webhook(environ)) if channel]


def dead_mans_switch(environ: Environ) -> list[Channel]:
    """Where the Watchdog goes, if anywhere."""
    if not notifies(environ):
        return []
    url = values.secret_url(environ, "EXAI_WATCHDOG_URL")
    return [Channel("watchdog", {"EXAI_WATCHDOG_URL": url})] if url else []


def observer(environ: Environ) -> tuple[str, str]:
    """Where the exporter takes alerts, empty for where the shipped configuration says, and the file of its token."""
    host, _, port = environ.get("EXAI_LISTEN", "").rpartition(":")
    near = f"http://{_ANY_HOST.get(host, host)}:{port}/api/v1/alerts" if host else ""
    url = environ.get("EXAI_ALERTS_URL") or near
    state = environ.get("EXAI_STATE_DIR")
    beside = str(Path(state, "push-token")) if state else ""
    file = environ.get("EXAI_ALERTS_TOKEN_FILE") or environ.get("EXAI_TOKEN_FILE") or beside
    return url and values.url("EXAI_ALERTS_URL", url), file and str(Path(file).expanduser().absolute())


def base_urls(environ: Environ) -> dict[str, str]:
    """Where links point to: grafana, alertmanager and exporter, without a slash at the end."""
    found = {name: values.url(setting, environ.get(setting) or usual) for name, (setting, usual) in _LINKS.items()}
    return {name: url.rstrip("/") for name, url in found.items()}


def notifies(environ: Environ) -> bool:
    """Whether anybody is told at all; otherwise the settings of channels are not even read."""
    return values.boolean(NOTIFY, environ.get(NOTIFY) or "true")


def _slack(environ: Environ) -> Channel | None:
    url = values.secret_url(environ, "SLACK_WEBHOOK_URL")
    channel = environ.get("SLACK_CHANNEL", "")
    return Channel("slack", {"SLACK_WEBHOOK_URL": url, "SLACK_CHANNEL": channel}) if url else None


def _webhook(environ: Environ) -> Channel | None:
    url = values.secret_url(environ, "ALERT_WEBHOOK_URL")
    return Channel("webhook", {"ALERT_WEBHOOK_URL": url}) if url else None


def _email(environ: Environ) -> Channel | None:
    if not environ.get("SMTP_HOST"):
        _refuse_orphans(environ)
        return None
    server: dict[str, Value] = {
        "SMTP_HOST": values.host("SMTP_HOST", environ["SMTP_HOST"]),
        "SMTP_PORT": values.port("SMTP_PORT", environ.get("SMTP_PORT") or "587"),
        "SMTP_FROM": values.addresses(environ, "SMTP_FROM"),
        "SMTP_TO": values.addresses(environ, "SMTP_TO"),
        "SMTP_TLS": values.boolean("SMTP_TLS", environ.get("SMTP_TLS") or "true"),
    }
    return Channel("email", server | _login(environ))


def _login(environ: Environ) -> dict[str, Value]:
    username, password = environ.get("SMTP_USERNAME", ""), values.secret(environ, "SMTP_PASSWORD")
    if bool(username) != bool(password):
        missing = "SMTP_PASSWORD" if username else "SMTP_USERNAME"
        raise NotificationError(f"{missing}: is missing; a user name and a password go together")
    return {"SMTP_USERNAME": username, "SMTP_PASSWORD": password}


def _refuse_orphans(environ: Environ) -> None:
    for setting in ("SMTP_FROM", "SMTP_TO", "SMTP_USERNAME"):
        if environ.get(setting):
            raise NotificationError(f"SMTP_HOST: is missing, though {setting} is set")
