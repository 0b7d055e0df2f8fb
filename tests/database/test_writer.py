"""Errors, traces and spans are kept in PostgreSQL once each, whoever dies in between."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.database import kept_rows
from exporter.pseudonyms import pseudonym
from exporter.state_dir import STORE
from tests.core.examples import minimal
from tests.core.harness import Running, running
from tests.core.test_crash import acknowledged
from tests.databases import Postgres, postgres_server
from tests.servers import exporter_server, wait_until

NOW = time.time()
TRACEBACK = 'Traceback (most recent call last):\n  File "kimi.py", line 4\nTimeoutError: api_key=sk-abcdef0123456789'


def error(number: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "connection_type": "kimi", "direction": "error", "timestamp": NOW + number, "script_name": "kimi.py",
        "function_name": "chat", "error": f"TimeoutError: {number}", "error_traceback": TRACEBACK, **fields,
    }  # fmt: skip


def trace(number: int = 0, **fields: Any) -> dict[str, Any]:
    start = NOW - 10 + number
    spans = [{"layer": layer, "start_time": start, "end_time": start + 1} for layer in ("shim", "ai_api")]
    return {
        "kind": "trace", "trace_id": f"t{number}", "tool_name": "chat", "start_time": start, "end_time": start + 2,
        "status": "ok", "spans": spans, "conversation_id": "c1", "call_index": 3, **fields,
    }  # fmt: skip


def rows(dsn: str, table: str, columns: str = "count(*)") -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        query = f"select {columns} from monitoring.{table} order by 1"  # noqa: S608 - a test's own words
        return connection.execute(query.encode()).fetchall()


def count(dsn: str, table: str) -> int:
    return int(rows(dsn, table)[0][0])


def spooled(state_dir: Path) -> int:
    with sqlite3.connect(state_dir / STORE) as connection:
        return int(connection.execute("SELECT count(*) FROM spool").fetchone()[0])


@pytest.fixture
def exporter(database: str, tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, database_url=database, checkpoint_interval_s=0.1) as exporter:
        yield exporter


def test_an_error_is_kept_with_its_traceback_and_without_its_secrets(exporter: Running, database: str) -> None:
    exporter.push([error(error="TimeoutError: Bearer abcdefgh12345 at redis://:hunter2@h/0"), minimal("connection")])
    wait_until(lambda: count(database, "errors") == 1, what="the error is kept")
    columns = "kind, service, script_name, function_name, error_type, message, traceback, extract(epoch from timestamp)"
    (found,) = rows(database, "errors", columns)
    assert found[:5] == ("connection", "kimi", "kimi.py", "chat", "TimeoutError")
    assert found[5] == "TimeoutError: Bearer *** at redis://:***@h/0"
    assert found[6] == TRACEBACK.replace("sk-abcdef0123456789", "***")
    assert float(found[7]) == pytest.approx(NOW, abs=1e-5)


def test_errors_of_caches_and_of_http_are_kept_too(exporter: Running, database: str) -> None:
    exporter.push([
        {"kind": "cache", "operation": "error", "implementation": "new", "timestamp": NOW, "error_type": "Lost",
         "error_message": "password=hunter2"},
        {"kind": "http", "service": "api", "route": "/x", "method": "GET", "status": 502, "duration_ms": 3,
         "timestamp": NOW, "error": "upstream", "trace_id": "t9"},
        {"kind": "http", "service": "api", "route": "/x", "method": "GET", "status": 200, "duration_ms": 3,
         "timestamp": NOW},
    ])  # fmt: skip
    wait_until(lambda: count(database, "errors") == 2, what="both are kept")
    assert rows(database, "errors", "kind, service, function_name, error_type, message, trace_id") == [
        ("cache", "new", "error", "Lost", "password=***", None),
        ("http", "api", "GET /x", "502", "upstream", "t9"),
    ]


def test_a_trace_is_kept_with_its_spans(exporter: Running, database: str) -> None:
    exporter.push([trace(1, error="token=abc", status="error"), trace(2, spans=[])])
    wait_until(lambda: count(database, "spans") == 2, what="the spans are kept")
    found = rows(database, "traces", "trace_id, tool_name, conversation_id, call_index, status, error, duration_ms")
    kept = [("t1", "chat", pseudonym("c1"), 3, "error", "token=***")]
    assert [row[:6] for row in found] == kept, "without layers none is kept"
    assert found[0][6] == pytest.approx(2000, abs=0.01)
    assert rows(database, "spans", "position, layer, trace_id") == [(0, "shim", "t1"), (1, "ai_api", "t1")]


def test_it_says_what_it_has_written_and_empties_the_spool(exporter: Running, database: str, tmp_path: Path) -> None:
    exporter.push([error(number) for number in range(700)] + [trace(number) for number in range(300)])
    name = "exai_exporter_rows_written_total"
    wait_until(lambda: exporter.value(name) == 700 + 300 + 600, what="all are written")
    assert [exporter.value(name, table=table) for table in ("errors", "traces", "spans")] == [700, 300, 600]
    assert [count(database, table) for table in ("errors", "traces", "spans")] == [700, 300, 600]
    wait_until(lambda: spooled(tmp_path) == 0, what="the checkpoint deletes what is written")
    assert exporter.value("exai_exporter_rows_spooled") == 0


def test_an_event_that_comes_twice_is_kept_once_even_by_two_exporters(
    exporter: Running, database: str, tmp_path: Path
) -> None:
    again = [error(event_id="e1"), trace(1, event_id="e2")]
    for _ in range(2):
        exporter.push(again)
    (tmp_path / "other").mkdir()
    with running(tmp_path / "other", database_url=database, checkpoint_interval_s=0.1) as other:
        other.push(again)
        wait_until(lambda: other.value("exai_exporter_rows_written_total") == 4, what="the other writes them too")
    assert [count(database, table) for table in ("errors", "traces", "spans")] == [1, 1, 2]


def test_errors_without_an_id_that_are_alike_are_all_kept(exporter: Running, database: str) -> None:
    exporter.push([error()] * 3)
    wait_until(lambda: count(database, "errors") == 3, what="three errors")


def test_texts_are_bounded_and_what_postgres_cannot_hold_is_left_out(exporter: Running, database: str) -> None:
    long = "x" * 3990 + " sk-" + "s" * 200 + "y" * 100_000
    exporter.push([error(error=long, error_traceback=long * 2, function_name="f\0g", script_name="s" * 1000)])
    wait_until(lambda: count(database, "errors") == 1, what="it is kept")
    (found,) = rows(database, "errors", "message, length(traceback), function_name, length(script_name)")
    assert found[0] == "x" * 3990 + " ***"
    assert found[1] <= kept_rows.LONGEST_TRACEBACK
    assert found[2:] == ("fg", kept_rows.LONGEST_NAME)


def test_a_row_that_postgres_refuses_holds_up_no_other(exporter: Running, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("alter table monitoring.errors add check (error_type <> 'Evil')")
    exporter.push([error(1), error(2, error_type="Evil"), error(3)])
    wait_until(lambda: count(database, "errors") == 2, what="its neighbours are kept")
    wait_until(lambda: exporter.value("exai_exporter_rows_dropped_total", table="errors", reason="refused") == 1)
    assert exporter.value("exai_exporter_rows_written_total", table="errors") == 2


def test_a_full_spool_drops_and_counts(tmp_path: Path) -> None:
    nowhere = "postgresql://postgres@127.0.0.1:1/exai"
    postgres = {"spool_events": 10}
    with running(tmp_path, database_url=nowhere, postgres=postgres, checkpoint_interval_s=0.1) as exporter:
        exporter.push([error(number) for number in range(25)])
        exporter.push([trace(1)])
        assert exporter.value("exai_connection_errors_total") == 25
        assert exporter.value("exai_exporter_rows_dropped_total", table="errors", reason="full") == 15
        assert exporter.value("exai_exporter_rows_dropped_total", table="traces", reason="full") == 1
        assert exporter.value("exai_exporter_rows_spooled") == 10
    with running(tmp_path, database_url=nowhere, postgres=postgres) as exporter:
        exporter.push([error(1)])
        assert exporter.value("exai_exporter_rows_spooled") == 10
        assert exporter.value("exai_exporter_rows_dropped_total", reason="full") == 17


def test_without_a_database_nothing_is_spooled(tmp_path: Path) -> None:
    with running(tmp_path) as exporter:
        exporter.push([error(), trace()])
        assert exporter.value("exai_exporter_rows_spooled") == 0
    assert spooled(tmp_path) == 0


def test_a_spool_that_another_version_wrote_holds_up_nothing(database: str, tmp_path: Path) -> None:
    with running(tmp_path, database_url="postgresql://postgres@127.0.0.1:1/exai") as exporter:
        exporter.push([error(1)])
    with sqlite3.connect(tmp_path / STORE) as connection:
        connection.execute("INSERT INTO spool (event) VALUES (x'81a46b696e64a3776879')")
    with running(tmp_path, database_url=database, checkpoint_interval_s=0.1) as exporter:
        exporter.push([error(2)])
        wait_until(lambda: count(database, "errors") == 2, what="both are kept")
        wait_until(lambda: exporter.value("exai_exporter_rows_dropped_total", reason="unreadable") == 1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    with postgres_server(tmp_path, durable=True) as server:
        server.migrated("exai")
        yield server


def test_while_postgres_is_away_errors_wait_on_disk_and_a_kill_loses_none(server: Postgres, tmp_path: Path) -> None:
    def push(number: int) -> None:
        body = json.dumps([error(number * 100 + index) for index in range(100)] + [trace(number)]).encode()
        wait_until(lambda: acknowledged(exporter.url, f"batch-{number}", body), what="the push is durable")

    with exporter_server(tmp_path, {"EXAI_DATABASE_URL": server.dsn()}) as exporter:
        for number in range(20):
            if number == 5:
                server.kill()
            if number == 15:
                server.start()
            if number % 4 == 1:
                exporter.kill()
                exporter.start()
            push(number)
        wait_until(lambda: count(server.dsn(), "errors") >= 2000, what="all errors are kept")
        wait_until(lambda: count(server.dsn(), "spans") >= 40, what="all spans are kept")
        exporter.kill()
        exporter.start()
        wait_until(lambda: spooled(tmp_path / "state") == 0, what="the spool is empty")
    assert [count(server.dsn(), table) for table in ("errors", "traces", "spans")] == [2000, 20, 40]
