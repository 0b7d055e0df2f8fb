"""Settings: one YAML file and the environment, read once into one frozen object.

The environment wins over the file. An unknown key, a wrong type or a value out of range is an error that
names the key. `docs/settings.md` is held to this module by a test.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
import yaml
from msgspec import Meta, Struct

from exporter.conventions import FAMILIES
from exporter.events import KINDS

Seconds = Annotated[float, Meta(gt=0, le=86_400 * 30)]
Size = Annotated[int, Meta(gt=0, le=2**31)]

SOURCES = ("http", "redis_zset", "redis_stream")
"""The names that `sources` may give authority to."""


class SettingsError(ValueError):
    """A setting that cannot be used; the message names its key."""


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """How much is taken."""

    body_bytes: Size = 4 * 1024 * 1024
    """Bytes of a request's body, as it comes."""
    inflated_bytes: Size = 8 * 1024 * 1024
    """Bytes of a gzip body once inflated."""
    batch_events: Annotated[int, Meta(ge=1, le=100_000)] = 10_000
    """Events of one batch."""


class RedisSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How Redis is read."""

    look_back_s: Seconds = 300.0
    """Seconds behind the newest event in which late events still count."""
    poll_interval_s: Annotated[float, Meta(ge=0.05, le=60)] = 1.0
    """Seconds between two looks at the sorted sets."""
    first_contact_s: Seconds = 86_400.0
    """Seconds of history that a first contact folds."""
    stream: str = ""
    """Key of the Redis Stream that applications write events to; empty: none is read."""
    group: str = "exai-exporter"
    """The stream's consumer group."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that can be set. Names of environment variables are `EXAI_` and the key in capitals."""

    listen: str = "127.0.0.1:9464"
    """Address and port to serve on, host:port."""
    state_dir: str = "~/.local/state/exai"
    """Directory of the store, the tokens and the lock."""
    redis_url: str = ""
    """Redis of the gateway, redis://…; empty: none is read. May hold a password: prefer the environment."""
    database_url: str = ""
    """PostgreSQL, postgresql://…; reserved for the Postgres source, not read yet."""
    token_file: str = ""
    """File of the push token; empty: `push-token` in the state directory, made by the first serve."""
    admin_token_file: str = ""
    """File of the admin token; empty: `admin-token` in the state directory, made by the first serve."""
    external_url: str = "http://127.0.0.1:9464"
    """Where a browser finds this exporter: the base of the runbook links in messages."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names that requests may be addressed to, beside loopback and the host of `listen`."""
    threads: Annotated[int, Meta(ge=2, le=256)] = 16
    """Threads that serve HTTP: more than pushes per second times seconds of a commit."""
    gauge_ttl_s: Seconds = 300.0
    """Seconds of silence after which a gauge of a subject is retracted."""
    checkpoint_interval_s: Annotated[float, Meta(ge=0.05, le=300)] = 5.0
    """Seconds between two checkpoints."""
    log_level: str = "info"
    """debug, info, warning or error."""
    limits: Limits = Limits()
    """How much is taken."""
    redis: RedisSettings = RedisSettings()
    """How Redis is read."""
    sources: dict[str, str] = {}
    """The one source that counts for a kind, where several bring it: `connection: redis_zset`."""
    budgets: dict[str, Size] = {}
    """Label sets that a family keeps apart, where that differs from the catalogue."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def state_path(self) -> Path:
        """The state directory."""
        return Path(self.state_dir).expanduser()

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the exporter."""
        host = self.address[0]
        with suppress(ValueError):
            return ip_address(host).is_loopback
        return host == "localhost"


ENVIRONMENT = {
    f"EXAI_{key.upper()}": key
    for key in (
        "listen", "state_dir", "redis_url", "database_url", "token_file", "admin_token_file", "external_url",
        "allowed_hosts", "threads", "gauge_ttl_s", "checkpoint_interval_s", "log_level",
    )
}  # fmt: skip
_SECRET = ("redis_url", "database_url")
"""Keys whose values may hold a password: they are never shown."""

_UNKNOWN_KEY = re.compile(r"unknown field `(.+?)`")
_LEVELS = ("debug", "info", "warning", "error")


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Reads the file that EXAI_CONFIG names, if any, then the environment.

    Raises:
        SettingsError: a value cannot be used.
    """
    values = _read_file(environment.get("EXAI_CONFIG", ""))
    texts = {key: environment[variable] for variable, key in ENVIRONMENT.items() if environment.get(variable)}
    settings = _convert(values, texts)
    for check in _CHECKS:
        check(settings)
    return settings


def _read_file(name: str) -> dict[str, Any]:
    if not name:
        return {}
    try:
        found = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        # Not the error's own text: it quotes the line, which may hold a password.
        raise SettingsError(f"EXAI_CONFIG: {name} cannot be read: {error.problem}{_place(error)}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"EXAI_CONFIG: {name} cannot be read: {error}") from error
    if found is not None and not isinstance(found, dict):
        raise SettingsError(f"EXAI_CONFIG: {name} is not a mapping of keys to values")
    for key in found or {}:
        if not isinstance(key, str):
            raise SettingsError(f"{key}: there is no such key")
    return found or {}


def _place(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark
    return f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _convert(values: dict[str, Any], texts: dict[str, str]) -> Settings:
    """Text of the environment may stand for a number; in the file a number is a number."""
    try:
        from_file = msgspec.convert(values, Settings)
        split = {key: _split(key, text) for key, text in texts.items()}
        from_environment = msgspec.convert(split, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(str(error), {**values, **texts})) from None
    return msgspec.structs.replace(from_file, **{key: getattr(from_environment, key) for key in texts})


def _split(key: str, text: str) -> str | list[str]:
    return [name.strip() for name in text.split(",")] if key == "allowed_hosts" else text


def _explain(message: str, values: dict[str, Any]) -> str:
    """Says key, value and reason, in that order."""
    reason, _, path = message.partition(" - at `$")
    path = path.strip(".`")
    unknown = _UNKNOWN_KEY.search(reason)
    if unknown:
        return f"{'.'.join(filter(None, (path, unknown.group(1))))}: there is no such key"
    path, inside, _ = path.partition("[")
    value: Any = values
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    shown = "what it holds" if path in _SECRET else repr(value)
    return f"{path}: {shown} cannot be used: {reason}{' as a value' if inside else ''}"


def _check_listen(settings: Settings) -> None:
    host, separator, port = settings.listen.rpartition(":")
    if not separator or not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise SettingsError(f"listen: {settings.listen!r} is not host:port")


def _check_level(settings: Settings) -> None:
    if settings.log_level not in _LEVELS:
        raise SettingsError(f"log_level: {settings.log_level!r} is none of {', '.join(_LEVELS)}")


def _check_sources(settings: Settings) -> None:
    for kind, source in settings.sources.items():
        if kind not in KINDS.values():
            raise SettingsError(f"sources.{kind}: no such kind; there are {', '.join(KINDS.values())}")
        if source not in SOURCES:
            raise SettingsError(f"sources.{kind}: {source!r} is not one source; there are {', '.join(SOURCES)}")


def _check_budgets(settings: Settings) -> None:
    for name in settings.budgets:
        if name not in FAMILIES or FAMILIES[name].live:
            raise SettingsError(f"budgets.{name}: no such family")


def _check_redis(settings: Settings) -> None:
    if settings.redis_url and not settings.redis_url.startswith(("redis://", "rediss://", "unix://")):
        raise SettingsError("redis_url: does not start with redis://, rediss:// or unix://")
    if settings.redis_url and not _is_address(settings.redis_url):
        raise SettingsError("redis_url: what it holds is not a URL of a Redis")


def _is_address(url: str) -> bool:
    parts = urlsplit(url)
    try:
        return parts.scheme == "unix" or (bool(parts.hostname) and parts.port != 0)
    except ValueError:
        return False


def _check_stream(settings: Settings) -> None:
    if settings.redis.stream and not settings.redis_url:
        raise SettingsError("redis.stream: needs redis_url")


_CHECKS = (_check_listen, _check_level, _check_sources, _check_budgets, _check_redis, _check_stream)
