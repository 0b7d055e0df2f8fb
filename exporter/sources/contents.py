"""Says why a server that answers may be the wrong one: it has nothing that we read."""

from __future__ import annotations

from typing import Any

from redis import Redis

from exporter.sources.postgres_pages import TABLES
from exporter.sources.postgres_pool import Database

SORTED_SETS = "connection_monitor:*:events"
"""The keys that a gateway's ConnectionMonitor writes."""

_SCANNED_AT_ONCE = 1000


def no_sorted_sets(client: Redis) -> str:
    """Explain that the database of a Redis has no key that a gateway writes."""
    return f"connected, but db {_db(client)} has no `connection_monitor:*` keys: is this the gateway's Redis?"


def no_entries(client: Redis, stream: str) -> str:
    """Explain that a stream has never had an entry."""
    return f"connected, but db {_db(client)} has no entry in the stream `{stream}`: do applications XADD to it here?"


def no_rows() -> str:
    """Explain that the tables of a gateway are empty."""
    names = ", ".join(table.name for table in TABLES)
    return f"connected, but {names} have no rows: does the gateway write to this database?"


def lack_of_sorted_sets(client: Redis) -> str:
    """Ask a Redis whether it has what a gateway writes; return an empty string, or what it lacks."""
    found = next(client.scan_iter(match=SORTED_SETS, count=_SCANNED_AT_ONCE, _type="zset"), None)
    return no_sorted_sets(client) if found is None else ""


def lack_of_entries(client: Redis, stream: str) -> str:
    """Ask a Redis whether a stream ever had an entry; return an empty string, or what it lacks."""
    if not client.exists(stream):
        return no_entries(client, stream)
    info: Any = client.xinfo_stream(stream)
    return no_entries(client, stream) if info["last-generated-id"] == b"0-0" else ""


def lack_of_rows(connection: Database) -> str:
    """Ask a database whether the gateway's tables have a row; return an empty string, or what they lack."""
    query = " or ".join(f"exists (select from {table.name})" for table in TABLES)
    row = connection.execute(f"select {query}".encode()).fetchone()
    return "" if row and row[0] else no_rows()


def _db(client: Redis) -> int:
    return int(client.connection_pool.connection_kwargs.get("db") or 0)
