"""The whole way of a cache's operations to Postgres, with everything on it killed once: nothing is lost or repeated."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from exporter.client import cache_targets
from exporter.client.cache_collector import CacheCollector
from exporter.client.delivery import Sent
from tests.databases import Postgres, postgres_server
from tests.servers import Server, wait_until
from tests.supabase.edge_function import SERVICE_KEY, edge_function

EVENTS = 100_000
OPERATIONS = ("hit", "hit", "hit", "miss", "set", "evict", "error")
IMPLEMENTATIONS = ("legacy", "new")
MINUTES = 60

Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A server that keeps what it has committed when it is killed."""
    with postgres_server(tmp_path, durable=True) as server:
        server.migrated("exai")
        yield server


@pytest.fixture
def function(own_postgres: Postgres, tmp_path: Path) -> Iterator[Server]:
    """The edge function in front of it."""
    with edge_function(tmp_path, own_postgres.dsn()) as server:
        yield server


class Clock:
    """Lets an hour pass while the events are recorded, so that they fill its minutes."""

    def __init__(self) -> None:
        self._now = time.time() - MINUTES * 60
        self._step = MINUTES * 60 / EVENTS

    def __call__(self) -> float:
        self._now += self._step
        return self._now


def record(collector: CacheCollector) -> None:
    """All operations, each with a duration of its own."""
    chance = random.Random(5)
    for number in range(EVENTS):
        operation, implementation = OPERATIONS[number % 7], IMPLEMENTATIONS[number % 2]
        collector.record(
            operation, f"key-{number}", implementation, round(chance.lognormvariate(2, 1), 3), number % 5000
        )


def sent(collector: CacheCollector) -> int:
    """How many operations have arrived."""
    return collector.get_stats()["sent"]


def fetch(connection: Connection, query: str) -> Sequence[tuple[object, ...]]:
    """The rows of a query."""
    return connection.execute(query.encode()).fetchall()


def test_every_operation_arrives_once_though_postgres_and_the_function_are_killed(
    own_postgres: Postgres, function: Server
) -> None:
    target = cache_targets.edge_function(f"{function.url}/cache-metrics-aggregator", SERVICE_KEY)
    with CacheCollector([target], capacity=EVENTS, clock=Clock()) as collector:
        recording = threading.Thread(target=record, args=(collector,))
        recording.start()
        wait_until(lambda: sent(collector) > EVENTS // 5, 60, "a fifth of all")
        own_postgres.kill()
        own_postgres.start()
        wait_until(lambda: sent(collector) > EVENTS // 2, 60, "half of all")
        function.kill()
        function.start()
        recording.join()
        assert collector.flush(90)
        assert collector.statistics() == {"edge_function": Sent(taken=EVENTS)}
    assert "a batch was not stored" in function.log.read_text()
    with own_postgres.connect() as connection:
        assert fetch(connection, "select count(*), count(distinct event_id) from cache_metrics") == [(EVENTS, EVENTS)]
        assert fetch(connection, "select operation_type, count(*) from cache_metrics group by 1 order by 1") == [
            (name, sum(OPERATIONS[number % 7] == name for number in range(EVENTS))) for name in sorted(set(OPERATIONS))
        ]
        assert fetch(connection, BY_MINUTE) == fetch(connection, FROM_ROWS)
        assert len(fetch(connection, BY_MINUTE)) in (2 * MINUTES, 2 * MINUTES + 2)


BY_MINUTE = """
    select minute_window, implementation_type, total_operations, hits, misses, sets, evictions, errors,
      timed_operations, p50_response_time_ms, p95_response_time_ms, p99_response_time_ms, max_response_time_ms,
      max_cache_size, hit_rate
    from cache_metrics_1min order by 1, 2
"""
FROM_ROWS = """
    select date_trunc('minute', timestamp), implementation_type, count(*),
      sum((operation_type = 'hit')::int), sum((operation_type = 'miss')::int), sum((operation_type = 'set')::int),
      sum((operation_type = 'evict')::int), sum((operation_type = 'error')::int), count(response_time_ms),
      percentile_disc(0.5) within group (order by response_time_ms),
      percentile_disc(0.95) within group (order by response_time_ms),
      percentile_disc(0.99) within group (order by response_time_ms), max(response_time_ms), max(cache_size),
      round(100.0 * sum((operation_type = 'hit')::int) / sum((operation_type in ('hit', 'miss'))::int), 2)
    from cache_metrics group by 1, 2 order by 1, 2
"""
