"""Which channels the environment switches on, and what each needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import getaddresses
from pathlib import Path
from urllib.parse import urlsplit

Value = str | bool
Environ = Mapping[str, str]

_LINKS = {
    "grafana": ("GRAFANA_URL", "http://127.0.0.1:3000"),
    "alertmanager": ("ALERTMANAGER_URL", "http://127.0.0.1:9093"),
    "exporter": ("EXAI_EXTERNAL_URL", "http://127.0.0.1:9464"),
}
_ANY_HOST = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - what is listened on, and how it is called
_BOOLEANS = {"true": True, "false": False}


class NotificationError(ValueError):
    """Notifications cannot be set up; the text names the setting and never holds a secret."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel that is switched on: the name of its file in receivers/, and the values of its placeholders."""

    name: str
    values: Mapping[str, Value]


def switched_on(environ: Environ) -> list[Channel]:
    """The channels that have a destination; an empty value, or an empty file, counts as unset."""
    return [channel for channel in (_slack(environ), _email(environ)) if channel]


def webhook(environ: Environ) -> tuple[str, str]:
    """Where the exporter takes alerts, empty for where the shipped configuration says, and the file of its token."""
    host, _, port = environ.get("EXAI_LISTEN", "").rpartition(":")
    near = f"http://{_ANY_HOST.get(host, host)}:{port}/api/v1/alerts" if host else ""
    url = environ.get("EXAI_ALERTS_URL") or near
    state = environ.get("EXAI_STATE_DIR")
    beside = str(Path(state, "push-token")) if state else ""
    file = environ.get("EXAI_ALERTS_TOKEN_FILE") or environ.get("EXAI_TOKEN_FILE") or beside
    return url and _url("EXAI_ALERTS_URL", url), file and str(Path(file).expanduser().absolute())


def base_urls(environ: Environ) -> dict[str, str]:
    """Where links point to: grafana, alertmanager and exporter, without a slash at the end."""
    found = {name: _url(setting, environ.get(setting) or usual) for name, (setting, usual) in _LINKS.items()}
    return {name: url.rstrip("/") for name, url in found.items()}


def _slack(environ: Environ) -> Channel | None:
    webhook = _secret(environ, "SLACK_WEBHOOK_URL")
    if not webhook:
        return None
    channel = environ.get("SLACK_CHANNEL", "")
    return Channel("slack", {"SLACK_WEBHOOK_URL": _url("SLACK_WEBHOOK_URL", webhook), "SLACK_CHANNEL": channel})


def _email(environ: Environ) -> Channel | None:
    if not environ.get("SMTP_HOST"):
        _refuse_orphans(environ)
        return None
    values: dict[str, Value] = {
        "SMTP_HOST": _host(environ["SMTP_HOST"]),
        "SMTP_PORT": _port(environ.get("SMTP_PORT") or "587"),
        "SMTP_FROM": _addresses(environ, "SMTP_FROM"),
        "SMTP_TO": _addresses(environ, "SMTP_TO"),
        "SMTP_TLS": _boolean("SMTP_TLS", environ.get("SMTP_TLS") or "true"),
    }
    return Channel("email", values | _login(environ))


def _login(environ: Environ) -> dict[str, Value]:
    username, password = environ.get("SMTP_USERNAME", ""), _secret(environ, "SMTP_PASSWORD")
    if bool(username) != bool(password):
        missing = "SMTP_PASSWORD" if username else "SMTP_USERNAME"
        raise NotificationError(f"{missing}: is missing; a user name and a password go together")
    return {"SMTP_USERNAME": username, "SMTP_PASSWORD": password}


def _refuse_orphans(environ: Environ) -> None:
    for setting in ("SMTP_FROM", "SMTP_TO", "SMTP_USERNAME"):
        if environ.get(setting):
            raise NotificationError(f"SMTP_HOST: is missing, though {setting} is set")


def _secret(environ: Environ, setting: str) -> str:
    value, path = environ.get(setting, ""), environ.get(f"{setting}_FILE", "")
    kept = _read(f"{setting}_FILE", Path(path)) if path else ""
    if value and kept:
        raise NotificationError(f"{setting}: is set twice, in the environment and in {setting}_FILE")
    return value or kept


def _read(setting: str, path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotificationError(f"{setting}: {path} cannot be read: {type(error).__name__}") from None


def _url(setting: str, text: str) -> str:
    """Keep a URL that is safe inside a template as well."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or not text.isascii() or not text.isprintable() or set(text) & set(' "<>\\^`{|}'):
        raise NotificationError(f"{setting}: is not the URL of an HTTP server")
    return text


def _host(text: str) -> str:
    if not text.isascii() or not text.isprintable() or set(text) & set(" /:@"):
        raise NotificationError("SMTP_HOST: is not a host name; the port goes into SMTP_PORT")
    return text


def _port(text: str) -> str:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 65536:
        raise NotificationError("SMTP_PORT: is not a port, 1 to 65535")
    return text


def _addresses(environ: Environ, setting: str) -> str:
    text = environ.get(setting, "")
    found = [address for _, address in getaddresses([text])]
    if not text.isprintable() or not found or not all("@" in address[1:-1] for address in found):
        raise NotificationError(f"{setting}: is not an email address, which email needs")
    return text


def _boolean(setting: str, text: str) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise NotificationError(f"{setting}: is neither true nor false") from None
