"""PostgreSQL: raw rows written a second, and what a dashboard waits for when ten million of them lie there."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg.rows import TupleRow

from benchmarks import disk
from benchmarks.database_queries import QUERIES, nodes, of_boards
from benchmarks.figures import Figure, Goal, alone, middle
from benchmarks.scale import FULL, Scale
from tests.databases import postgres_server

Connection = psycopg.Connection[TupleRow]

_DATABASE = "bench"
"""Not the database of pg_cron: nothing else happens while we measure."""

_BATCH = 1000
_MANY = 10_000
"""Rows from which on an index is worth its while."""

_WRITES = Goal(20_000, "≥")
_WAIT = Goal(200, "≤")

_FILL: LiteralString = """
    insert into public.cache_metrics
      (cache_key, operation_type, implementation_type, response_time_ms, cache_size, timestamp)
    select 'key ' || mod(i, 5000), (array['hit', 'hit', 'hit', 'miss', 'set'])[mod(i, 5) + 1],
      (array['new', 'legacy'])[mod(i, 2) + 1], mod(i * 7919, 1000), 1000,
      now() - interval '7 days' * (i::double precision / %(rows)s)
    from generate_series(%(first)s::bigint, %(last)s::bigint) i
"""
_BESIDE: LiteralString = """
    insert into public.cache_metrics (operation_type, implementation_type, error_type, timestamp)
      select 'error', 'new', 'Timeout', now() - interval '7 days' * (i / 10000.0) from generate_series(1, 9999) i;
    insert into monitoring.errors (timestamp, service, error_type, message, traceback)
      select now() - interval '30 days' * (i / 100000.0), 'redis', 'ConnectionError', 'gone', repeat('frame ', 200)
      from generate_series(1, 99999) i;
    insert into public.cache_auditor_observations
        (severity, category, title, description, subject, metric_name, started_at, resolved_at, acknowledged)
      select 'warning', 'anomaly', 'low', 'low', 'new', 'hit_rate' || i, now() - i * interval '1 minute',
        case when i > 20 then now() end, i > 20
      from generate_series(1, 10000) i;
"""


def measure(scale: Scale, directory: Path) -> Iterator[Figure]:
    """The rates of both ways to write, then each query on all those rows."""
    rows = 10_000_000 if scale is FULL else 20_000
    with postgres_server(directory, durable=True) as server:
        server.migrated(_DATABASE)
        with server.connect(_DATABASE) as connection:
            yield from _writes(connection, min(rows, 200_000), disk.name(directory))
            _fill(connection, rows)
            yield from _reads(connection, scale.repetitions)


def _writes(connection: Connection, rows: int, where: str) -> Iterator[Figure]:
    at = datetime.now(UTC).isoformat()
    data = {"implementation": "new", "cache_key": "key", "response_time_ms": 12.5, "cache_size": 1000}
    batch = json.dumps([{"type": "cache_hit", "data": data, "timestamp": at}] * _BATCH)
    began = time.perf_counter()
    for _ in range(rows // _BATCH):
        connection.execute("select public.aggregate_metrics(%s)", (batch,))
    yield alone(f"metrics written by RPC, {where}", rows / (time.perf_counter() - began), "rows/s", _WRITES)
    columns = "copy public.cache_metrics (operation_type, implementation_type, response_time_ms, timestamp) from stdin"
    began = time.perf_counter()
    with connection.cursor().copy(columns) as copy:
        for _ in range(rows):
            copy.write_row(("hit", "new", 12.5, at))
    yield alone(f"operations written by COPY, {where}", rows / (time.perf_counter() - began), "rows/s", _WRITES)


def _fill(connection: Connection, rows: int) -> None:
    connection.execute(
        "select monitoring.make_day('public.cache_metrics', current_date - i) from generate_series(1, 7) i"
    )
    step = max(1, rows // 20)
    for first in range(1, rows, step):
        connection.execute(_FILL, {"rows": rows, "first": first, "last": min(first + step - 1, rows)})
    connection.execute(_BESIDE)
    connection.execute("call monitoring.maintain()")
    connection.execute("select count(*) from public.compute_cache_baseline()")
    connection.execute("vacuum analyze")


def _reads(connection: Connection, repetitions: int) -> Iterator[Figure]:
    queries = {**QUERIES, **of_boards(datetime.now(UTC))}
    for name, query in queries.items():
        took_ms = []
        for _ in range(repetitions):
            began = time.perf_counter()
            connection.execute(query.encode()).fetchall()
            took_ms.append((time.perf_counter() - began) * 1000)
        yield alone(f"{name}", middle(took_ms), "ms", _WAIT)
    whole = sum(_read_whole(connection, query) for query in queries.values())
    yield alone("days of raw rows that these queries read whole", whole, "days", Goal(0, "≤"))


def _read_whole(connection: Connection, query: str) -> int:
    row = connection.execute(b"explain (analyze, timing off, format json) " + query.encode()).fetchone()
    assert row is not None
    return sum(_is_whole_day(node) for node in nodes(row[0][0]["Plan"], "Plans"))


def _is_whole_day(node: Mapping[str, Any]) -> bool:
    """Whether a node of a plan has read many rows of a partition without an index."""
    found = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    of_a_day = node.get("Relation Name", "").startswith(("cache_metrics_2", "errors_2"))
    return bool(node["Node Type"] == "Seq Scan" and of_a_day and found > _MANY)
