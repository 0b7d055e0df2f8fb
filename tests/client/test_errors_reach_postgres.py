"""An exception that ConnectionMonitor is given is read in Postgres, whichever way it goes there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg
import pytest

from exporter.client import ConnectionMonitor
from tests.databases import postgres_server
from tests.servers import Redis, Server, wait_until

Exporters = Callable[[Mapping[str, str]], Server]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of a database with the schema."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server.migrated("errors")


@pytest.fixture(autouse=True)
def no_errors_yet(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("truncate monitoring.errors")


def insert() -> None:
    raise ConnectionResetError("peer is gone")


def record_errors(monitor: ConnectionMonitor) -> None:
    """An exception, the text of one that is handled, and a text that is nothing but one."""
    try:
        insert()
    except ConnectionResetError as error:
        monitor.record_event("supabase", "error", "supabase_client.py", "insert", 0, error=error)
        monitor.record_event("redis", "error", "storage_backend.py", "get", 0, error=f"lost: {error}")
    monitor.record_event("glm", "error", "glm_provider", "chat", 0, error="QuotaError: no tokens left")
    monitor.record_event("glm", "send", "glm_provider", "chat", 10)
    assert monitor.flush()
    monitor.shutdown()


def kept(database: str) -> list[tuple[Any, ...]]:
    columns = "service, script_name, function_name, error_type, message, traceback"
    with psycopg.connect(database) as connection:
        found = connection.execute(f"select {columns} from monitoring.errors order by timestamp".encode())  # noqa: S608
        return found.fetchall()


def assert_kept(database: str) -> None:
    """Each error is there once, with its type, its message, and the frames that an exception had."""
    wait_until(lambda: len(kept(database)) >= 3, what="the errors are kept")
    *raised, told = kept(database)
    assert [row[:5] for row in raised] == [
        ("supabase", "supabase_client.py", "insert", "ConnectionResetError", "ConnectionResetError: peer is gone"),
        ("redis", "storage_backend.py", "get", "ConnectionResetError", "lost: peer is gone"),
    ]
    for *_, traceback in raised:
        assert "in insert\n" in traceback
        assert traceback.endswith("ConnectionResetError: peer is gone\n")
    assert told == ("glm", "glm_provider", "chat", "QuotaError", "QuotaError: no tokens left", None)


def test_an_error_goes_through_redis(redis_server: Redis, exporter_server: Exporters, database: str) -> None:
    exporter_server({"EXAI_REDIS_URL": redis_server.url, "EXAI_DATABASE_URL": database})
    record_errors(ConnectionMonitor(redis_server.url))
    assert_kept(database)


def test_an_error_is_pushed_to_the_exporter(exporter_server: Exporters, database: str) -> None:
    exporter = exporter_server({"EXAI_DATABASE_URL": database})
    record_errors(ConnectionMonitor(exporter_url=exporter.url))
    assert_kept(database)
