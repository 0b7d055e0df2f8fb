"""Reads one setting of a channel each, and says by its name what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import getaddresses
from pathlib import Path
from urllib.parse import urlsplit

Environ = Mapping[str, str]

_BOOLEANS = {"true": True, "false": False}


class NotificationError(ValueError):
    """Notifications cannot be set up; the text names the setting and never holds a secret."""


def secret(environ: Environ, setting: str) -> str:
    """A setting that is given itself, or as the file that `setting`_FILE names; an empty one counts as unset."""
    value, path = environ.get(setting, ""), environ.get(f"{setting}_FILE", "")
    kept = read(f"{setting}_FILE", Path(path)).strip() if path else ""
    if value and kept:
        raise NotificationError(f"{setting}: is set twice, in the environment and in {setting}_FILE")
    return value or kept


def secret_url(environ: Environ, setting: str) -> str:
    """A URL that may hold a secret; empty where it is unset."""
    found = secret(environ, setting)
    return found and url(setting, found)


def read(setting: str, path: Path) -> str:
    """The text of a file."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise NotificationError(f"{setting}: {path} cannot be read: {type(error).__name__}") from None


def url(setting: str, text: str) -> str:
    """A URL that is safe inside a template as well."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or not text.isascii() or not text.isprintable() or set(text) & set(' "<>\\^`{|}'):
        raise NotificationError(f"{setting}: is not the URL of an HTTP server")
    return text


def host(setting: str, text: str) -> str:
    """The name of a host."""
    if not text.isascii() or not text.isprintable() or set(text) & set(" /:@"):
        raise NotificationError(f"{setting}: is not a host name, which holds no port")
    return text


def port(setting: str, text: str) -> str:
    """A TCP port."""
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 65536:
        raise NotificationError(f"{setting}: is not a port, 1 to 65535")
    return text


def addresses(environ: Environ, setting: str) -> str:
    """Email addresses, separated by commas; there must be one."""
    text = environ.get(setting, "")
    found = [address for _, address in getaddresses([text])]
    if not text.isprintable() or not found or not all("@" in address[1:-1] for address in found):
        raise NotificationError(f"{setting}: is not an email address, which email needs")
    return text


def boolean(setting: str, text: str) -> bool:
    """true or false, in any case."""
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise NotificationError(f"{setting}: is neither true nor false") from None
