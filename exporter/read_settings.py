"""Reads the settings: one YAML file and the environment, which wins.

An unknown key, a wrong type or a value out of range is an error that names key, value and reason.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psycopg
import yaml
from psycopg.conninfo import conninfo_to_dict

from exporter.conventions import FAMILIES
from exporter.events import KINDS
from exporter.settings import ENVIRONMENT, SOURCES, Settings, SettingsError

_SECRET = ("redis_url", "database_url")
"""Keys whose values may hold a password: they are never shown."""

_ESCAPES = "In the password, write @ : / % # ? as %40 %3A %2F %25 %23 %3F"
_REDIS_URL = f"Write it as in redis://USER:PASSWORD@HOST:6379/0. {_ESCAPES}"
_DATABASE_URL = f"Write it as in postgresql://USER:PASSWORD@HOST:5432/DATABASE. {_ESCAPES}"

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
        advice = ". Indent with spaces, not with tabs" if "'\\t'" in (error.problem or "") else ""
        raise SettingsError(f"EXAI_CONFIG: {name} cannot be read: {error.problem}{_place(error)}{advice}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"EXAI_CONFIG: {name} cannot be read: {error}") from error
    if found is not None and not isinstance(found, dict):
        raise SettingsError(f"EXAI_CONFIG: {name} is not a mapping of keys to values")
    for key in found or {}:
        if not isinstance(key, str):
            raise SettingsError(_unknown(str(key)))
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
        return _unknown(".".join(filter(None, (path, unknown.group(1)))))
    path, inside, _ = path.partition("[")
    value: Any = values
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    shown = "what it holds" if path in _SECRET else repr(value)
    return f"{path}: {shown} cannot be used: {reason}{' as a value' if inside else ''}"


def _unknown(key: str) -> str:
    parent = key.rpartition(".")[0]
    near = get_close_matches(key, [known for known in _KEYS if known.rpartition(".")[0] == parent], n=1)
    return f"{key}: there is no such key" + (f". Did you mean {near[0]}?" if near else "; docs/settings.md lists all")


def _keys(settings: type[msgspec.Struct], before: str = "") -> Iterator[str]:
    """Yield every key of a settings class with a dot between it and the key that it belongs to."""
    for field in msgspec.structs.fields(settings):
        yield before + field.encode_name
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _keys(field.type, f"{before}{field.encode_name}.")


_KEYS = tuple(_keys(Settings))


def _check_listen(settings: Settings) -> None:
    host, separator, port = settings.listen.rpartition(":")
    if not separator or not host or not (port.isascii() and port.isdigit()):
        raise SettingsError(f"listen: {settings.listen!r} is not host:port. Write it as in 127.0.0.1:9464")
    if int(port) > 65_535:
        raise SettingsError(f"listen: {port} is not a port: the highest is 65535")


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
    url = settings.redis_url
    if not url:
        return
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise SettingsError(f"redis_url: it does not start with redis://, rediss:// (TLS) or unix://. {_REDIS_URL}")
    if not _is_address(url):
        raise SettingsError(f"redis_url: it is not the URL of a Redis. {_REDIS_URL}")
    database = "" if url.startswith("unix://") else urlsplit(url).path.strip("/")
    if database and not database.isdecimal():
        # Not the text itself: in a URL that is wrong it may be a part of the password.
        raise SettingsError(f"redis_url: what follows the last / is not the number of a database. {_REDIS_URL}")


def _check_database(settings: Settings) -> None:
    url = settings.database_url
    if not url:
        return
    scheme, separator, rest = url.partition("://")
    if separator and scheme.startswith(("postgresql+", "postgres+")):
        raise SettingsError(f"database_url: {scheme}:// is SQLAlchemy's spelling. Begin it with postgresql://")
    if scheme not in ("postgresql", "postgres") or not separator:
        raise SettingsError(f"database_url: it does not start with postgresql:// or postgres://. {_DATABASE_URL}")
    if "[YOUR-PASSWORD]" in url:
        raise SettingsError("database_url: write the password of the database in the place of [YOUR-PASSWORD]")
    if rest.partition("/")[0].count("@") > 1:
        raise SettingsError(f"database_url: it has an @ too many. {_DATABASE_URL}")
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # Not its own text: it quotes the URL.
        raise SettingsError(f"database_url: it is not the URL of a PostgreSQL. {_DATABASE_URL}") from None


def _check_alertmanager(settings: Settings) -> None:
    if not settings.alertmanager_url.startswith(("http://", "https://")) or not _is_address(settings.alertmanager_url):
        raise SettingsError(
            "alertmanager_url: it is not the URL of an HTTP server. Write it as in http://127.0.0.1:9093"
        )


def _is_address(url: str) -> bool:
    parts = urlsplit(url)
    try:
        return parts.scheme == "unix" or (bool(parts.hostname) and parts.port != 0)
    except ValueError:
        return False


def _check_stream(settings: Settings) -> None:
    if settings.redis.stream and not settings.redis_url:
        raise SettingsError("redis.stream: needs redis_url")


def _check_timeouts(settings: Settings) -> None:
    common = settings.timeouts
    bounds = {"timeouts": (common.floor_s, common.ceiling_s)}
    for name, own in common.models.items():
        bounds[f"timeouts.models.{name}"] = (own.floor_s or common.floor_s, own.ceiling_s or common.ceiling_s)
    for key, (floor_s, ceiling_s) in bounds.items():
        if floor_s > ceiling_s:
            raise SettingsError(f"{key}.floor_s: {floor_s:g} is above the ceiling of {ceiling_s:g}")
    if "" in common.emergency_s:
        raise SettingsError("timeouts.emergency_s: an empty name would match every model")


_CHECKS = (
    _check_listen, _check_level, _check_sources, _check_budgets, _check_redis, _check_database, _check_stream,
    _check_timeouts, _check_alertmanager,
)  # fmt: skip
