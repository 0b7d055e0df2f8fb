"""The whole way of a cache's operations to Prometheus, all that is on it killed once: nothing is lost or repeated."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import psycopg
import pytest

from exporter import conventions as series
from exporter.client import cache_targets
from exporter.client.cache_collector import CacheCollector
from exporter.client.delivery import Sent
from tests.core.harness import samples, total
from tests.databases import Postgres, postgres_server
from tests.servers import Prometheus, Server, exporter_server, prometheus_server, wait_until
from tests.supabase.cache_operations import EVENTS, MINUTES, OPERATIONS, Clock, Counts, Recorded
from tests.supabase.edge_function import SERVICE_KEY, edge_function, login

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


@pytest.fixture
def exporter(own_postgres: Postgres, tmp_path: Path) -> Iterator[Server]:
    """The exporter behind it, with no more rights than the service role has."""
    config = tmp_path / "config.yml"
    config.write_text(json.dumps({"checkpoint_interval_s": 0.2, "log_level": "warning"}))
    with exporter_server(
        tmp_path, {"EXAI_DATABASE_URL": login(own_postgres.dsn()), "EXAI_CONFIG": str(config)}
    ) as server:
        yield server


@pytest.fixture
def prometheus(exporter: Server, tmp_path: Path) -> Iterator[Prometheus]:
    """Prometheus, which scrapes it."""
    with prometheus_server(tmp_path, {"exai-exporter": [exporter.address]}) as server:
        yield server


def asked(prometheus: Prometheus, name: str, *labels: str) -> Counts:
    """The newest values of a series, by its labels; bounds of buckets as `Recorded` writes them, and none that is 0."""
    return {
        tuple(f"{float(row['metric'][label]):g}" if label == "le" else row["metric"][label] for label in labels): value
        for row in prometheus.query(name)
        if (value := float(row["value"][1]))
    }


def has_sent(collector: CacheCollector, share: float) -> bool:
    """Whether that share of all operations has arrived."""
    return collector.get_stats()["sent"] > EVENTS * share


def metric(exporter: Server, name: str) -> float:
    """What a scrape of the exporter shows of a series, whatever its labels."""
    with urllib.request.urlopen(exporter.url + "/metrics", timeout=10) as reply:  # noqa: S310
        return total(samples(reply.read().decode()), name)


def fetch(connection: Connection, query: str) -> Sequence[tuple[object, ...]]:
    """The rows of a query."""
    return connection.execute(query.encode()).fetchall()


def test_every_operation_arrives_once_though_all_on_its_way_are_killed(
    own_postgres: Postgres, function: Server, exporter: Server, prometheus: Prometheus
) -> None:
    recorded = Recorded()
    target = cache_targets.edge_function(f"{function.url}/cache-metrics-aggregator", SERVICE_KEY)
    with CacheCollector([target], capacity=EVENTS, clock=Clock()) as collector:
        recording = threading.Thread(target=recorded.into, args=(collector,))
        recording.start()
        for share, server in ((0.2, own_postgres), (0.4, exporter), (0.6, function)):
            wait_until(partial(has_sent, collector, share), 60, f"{share:.0%} have arrived")
            server.kill()
            server.start()
        recording.join()
        assert collector.flush(90)
        assert collector.statistics() == {"edge_function": Sent(taken=EVENTS)}
    assert "a batch was not stored" in function.log.read_text()
    with own_postgres.connect() as connection:
        rows_and_minutes_are_exact(connection)
        every_series_is_exact(prometheus, recorded)
        wait_until(lambda: fetch(connection, KEPT_ERRORS) == [(sum(recorded.causes().values()),)], what="all errors")


def test_operations_that_go_to_the_exporter_and_to_the_edge_function_count_once(
    own_postgres: Postgres, function: Server, exporter: Server
) -> None:
    edge = cache_targets.edge_function(f"{function.url}/cache-metrics-aggregator", SERVICE_KEY)
    with CacheCollector([cache_targets.exporter(exporter.url), edge]) as collector:
        for number in range(2000):
            collector.record("hit", f"key-{number}", "new", 1.5)
        assert collector.flush(30)
    wait_until(lambda: metric(exporter, "exai_exporter_events_duplicate_total") >= 2000, what="both ways are counted")
    assert metric(exporter, series.CACHE_OPERATIONS.name) == 2000
    with own_postgres.connect() as connection:
        assert fetch(connection, "select count(*) from cache_metrics") == [(2000,)]


def rows_and_minutes_are_exact(connection: Connection) -> None:
    """Each operation is a row, and each minute the sum of its rows."""
    assert fetch(connection, "select count(*), count(distinct event_id) from cache_metrics") == [(EVENTS, EVENTS)]
    assert fetch(connection, "select operation_type, count(*) from cache_metrics group by 1 order by 1") == [
        (name, sum(OPERATIONS[number % 7] == name for number in range(EVENTS))) for name in sorted(set(OPERATIONS))
    ]
    assert fetch(connection, BY_MINUTE) == fetch(connection, FROM_ROWS)
    assert len(fetch(connection, BY_MINUTE)) in (2 * MINUTES, 2 * MINUTES + 2)


def every_series_is_exact(prometheus: Prometheus, recorded: Recorded) -> None:
    """Prometheus has what was recorded, and never saw a series fall."""
    labels = ("implementation", "operation")
    wait_until(
        lambda: sum(asked(prometheus, series.CACHE_OPERATIONS.name, *labels).values()) >= EVENTS, what="all are scraped"
    )
    assert asked(prometheus, series.CACHE_OPERATIONS.name, *labels) == recorded.counts()
    assert asked(prometheus, f"{series.CACHE_RESPONSE.name}_bucket", *labels, "le") == recorded.buckets()
    assert asked(prometheus, series.CACHE_ERRORS.name, "implementation", "error_type") == recorded.causes()
    total_s = sum(took_ms for _, _, took_ms in recorded.operations) / 1000
    assert prometheus.value(f"sum({series.CACHE_RESPONSE.name}_sum)") == pytest.approx(total_s, rel=1e-12)
    assert prometheus.value(f"sum(resets({series.CACHE_OPERATIONS.name}[10m]))") == 0


KEPT_ERRORS = "select count(*) from monitoring.errors where kind = 'cache'"
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
