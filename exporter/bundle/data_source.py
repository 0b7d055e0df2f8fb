"""What Grafana's data source of PostgreSQL is told: where the database is, and who asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from exporter.bundle.endpoints import Address

READER = "exai_grafana"
"""The login that reads, as a member of `authenticated`."""

_MODES = ("disable", "require", "verify-ca", "verify-full")
_PREFIX = "GRAFANA_POSTGRES_"


def data_source(env: Mapping[str, str]) -> dict[str, str]:
    """The variables that the provisioning reads, from EXAI_DATABASE_URL; those that are set win. None without it.

    Raises:
        ValueError: EXAI_DATABASE_URL is no URL of a PostgreSQL.
    """
    if not env.get("EXAI_DATABASE_URL"):
        return {}
    try:
        parts = conninfo_to_dict(env["EXAI_DATABASE_URL"])
    except ProgrammingError:
        # Not its own text: it quotes the URL.
        raise ValueError("EXAI_DATABASE_URL: what it holds is not a URL of a PostgreSQL") from None
    address = _address(parts)
    found = {
        "URL": address,
        "DATABASE": parts.get("dbname") or "postgres",
        "USER": READER + _project(str(parts.get("user") or "")),
        "SSLMODE": _mode(parts, address),
    }
    return {_PREFIX + name: env.get(_PREFIX + name) or str(value) for name, value in found.items()}


def _address(parts: Mapping[str, Any]) -> str:
    """host:port, or the directory of a socket."""
    host = str(parts.get("host") or "localhost")
    return host if host.startswith("/") else str(Address(host, int(parts.get("port") or 5432)))


def _project(user: str) -> str:
    """What a user of Supabase's pooler has behind the name of its role."""
    _, dot, project = user.partition(".")
    return dot + project


def _mode(parts: Mapping[str, Any], address: str) -> str:
    """The URL's own, as far as Grafana knows it; else encrypted unless it stays on this machine."""
    if parts.get("sslmode") in _MODES:
        return str(parts["sslmode"])
    return "disable" if address.startswith("/") or Address.parse(address).is_loopback else "require"
