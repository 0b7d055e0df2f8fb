"""The weeks before a demo in PostgreSQL: requests, errors, and alerts that somebody acknowledged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from exporter.demo.levels import levels
from exporter.demo.past import DAYS, Episode, episodes
from exporter.demo.past_rows import moments, write_past_rows
from exporter.demo.rhythm import DAY_S
from tests.databases import postgres_server

NOW = time.time()
OBSERVATIONS = "public.cache_auditor_observations"
REDIS_DOWN, SLOW_KIMI = episodes(NOW)

Connection = psycopg.Connection[DictRow]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A database with nothing but the past of a demo."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        dsn = server.migrated("past")
        with psycopg.connect(dsn, row_factory=dict_row) as connection:
            write_past_rows(connection, Random(3), NOW)
            yield connection


def during(episode: Episode, column: str) -> str:
    return f"{column} between to_timestamp({episode.started}) and to_timestamp({episode.ended})"


def select(database: Connection, columns: str, table: str, where: str = "true") -> list[DictRow]:
    return database.execute(f"select {columns} from {table} where {where}".encode()).fetchall()  # noqa: S608


def count(database: Connection, table: str, where: str = "true") -> int:
    (row,) = select(database, "count(*) as rows", table, where)
    return int(row["rows"])


def test_there_is_a_request_or_more_of_every_hour(database: Connection) -> None:
    (row,) = select(database, "count(distinct date_trunc('hour', started_at)) as hours", "monitoring.traces")
    assert row["hours"] > 0.95 * DAYS * DAY_S / 3600
    assert count(database, "monitoring.spans") > 4 * count(database, "monitoring.traces")
    assert count(database, "monitoring.traces", f"started_at > to_timestamp({NOW})") == 0


@pytest.mark.parametrize("hour", range(0, 7 * 24, 6))
def test_an_incident_is_looked_at_closely_by_day_and_by_night(hour: int) -> None:
    now = NOW + 3600 * hour
    kept = list(moments(Random(hour), episodes(now), now))
    for episode in episodes(now):
        seen = [at for at in kept if episode.started <= at < episode.ended]
        assert len(seen) > (episode.ended - episode.started) / 40
    assert len(kept) < DAYS * 24 * 12


def test_every_row_says_that_it_is_simulated(database: Connection) -> None:
    for table in ("monitoring.errors", "monitoring.traces", "monitoring.model_calls", OBSERVATIONS):
        assert count(database, table) == count(database, table, "metadata @> '{\"simulated\": true}'") > 10


def test_redis_failed_in_its_incident_and_hardly_ever_else(database: Connection) -> None:
    redis = "service = 'redis' and error_type = 'ConnectionError'"
    then = count(database, "monitoring.errors", f"{redis} and {during(REDIS_DOWN, 'timestamp')}")
    assert then > 50
    assert count(database, "monitoring.errors", redis) - then < 0.2 * then
    assert count(database, "monitoring.errors", f"{redis} and traceback is null") == 0


def test_the_slowest_requests_are_those_of_the_slow_models(database: Connection) -> None:
    slowest = "(select * from monitoring.traces order by duration_ms desc limit 20) slowest"
    assert count(database, slowest, f"{during(SLOW_KIMI, 'started_at')}") >= 15


@pytest.mark.parametrize("episode", [REDIS_DOWN, SLOW_KIMI], ids=lambda episode: episode.incident)
def test_the_alerts_of_an_incident_are_over_and_most_of_them_acknowledged(
    episode: Episode, database: Connection
) -> None:
    found = select(database, "*", OBSERVATIONS, during(episode, "started_at"))
    assert {row["metric_name"] for row in found} == {
        alert.labels["alertname"] for alert in levels().alerts[episode.incident]
    }
    assert all(row["resolved_at"].timestamp() > episode.ended for row in found)
    seen = [row for row in found if row["acknowledged"]]
    assert len(found) > len(seen) > len(found) / 2
    assert {row["acknowledged_note"] for row in seen} == {episode.story}
    assert all(row["started_at"] < row["acknowledged_at"] < row["resolved_at"] for row in seen)


def test_a_critical_alert_silences_the_warning_of_its_name(database: Connection) -> None:
    where = f"metric_name = 'ExaiConnectionErrorRatioHigh' and {during(REDIS_DOWN, 'started_at')}"
    assert select(database, "severity", OBSERVATIONS, where) == [{"severity": "critical"}]
