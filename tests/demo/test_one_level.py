"""The demo's past has the level of its live traffic, wherever a board sets the two side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import fmean, median
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from exporter.bundle import backfill
from exporter.demo.commands import demo
from exporter.demo.history import write_history
from exporter.demo.levels import levels
from exporter.demo.past import CALM
from exporter.demo.past_series import Past
from exporter.demo.rhythm import WEEK_S, busy
from exporter.demo.traffic import Traffic
from tests.databases import postgres_server
from tests.grafana.shipped import SqlTarget, sql_targets

RATE = 8.0
STARTED = datetime(2026, 1, 7, 9, tzinfo=UTC)
"""Where the past ends and a live hour begins, on a Wednesday."""
HOUR, WEEK = timedelta(hours=1), timedelta(seconds=WEEK_S)
TARGETS = {target.panel["title"]: target for target in sql_targets() if target.board["uid"].startswith("exai-semantic")}
LIVE = """
    copy public.cache_metrics (operation_type, implementation_type, response_time_ms, cache_size, timestamp) from stdin
"""

Connection = psycopg.Connection[dict[str, Any]]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A database with the demo's past and one hour of its live traffic, rolled up."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        dsn = server.migrated("level")
        with psycopg.connect(dsn) as connection:
            write_history(connection, Random(5), STARTED.timestamp(), RATE)
            write_live_hour(connection)
        with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
            connection.execute("call monitoring.roll_up(%s)", (STARTED + HOUR,))
            yield connection


def write_live_hour(connection: psycopg.Connection[Any]) -> None:
    traffic = Traffic(Random(9), STARTED.timestamp(), RATE, rhythm=busy)
    names = ("operation", "implementation", "response_time_ms", "cache_size")
    with connection.cursor().copy(LIVE) as copy:
        for event in traffic.until((STARTED + HOUR).timestamp() - 1):
            if event["kind"] == "cache":
                copy.write_row((*(event[name] for name in names), datetime.fromtimestamp(event["timestamp"], UTC)))


def rows(database: Connection, target: SqlTarget, since: datetime, until: datetime) -> list[dict[str, Any]]:
    return database.execute(target.statement(since, until)).fetchall()


def test_the_live_hour_is_like_the_same_hour_of_last_week(database: Connection) -> None:
    found = rows(database, TARGETS["Hours against the week before"], STARTED - WEEK - HOUR, STARTED + HOUR)
    by_time = {(row["hour_window"], row["implementation_type"]): row for row in found}
    for name in ("legacy", "new"):
        now, then = by_time[STARTED, name], by_time[STARTED - WEEK, name]
        for change in ("operations_change", "hit_ratio_change", "p95_change"):
            assert -0.2 < now[change] < 0.25, (name, change)
        for figure in ("p50", "p95", "p99", "hit_ratio", "error_ratio"):
            assert 0.8 < now[figure] / then[figure] < 1.25, (name, figure)


@pytest.mark.parametrize("title", ["Hit ratio as it was kept", "Exact p95 of the slowest minute"])
def test_the_live_minutes_are_like_those_of_last_week(title: str, database: Connection) -> None:
    found = rows(database, TARGETS[title], STARTED, STARTED + HOUR)
    for name in ("legacy", "new"):
        now, then = (
            [float(row["value"]) for row in found if row["metric"] == metric] for metric in (name, f"{name} a week ago")
        )
        assert len(now) > 20
        assert len(then) > 20
        assert 0.8 < fmean(now) / fmean(then) < 1.25, name


def test_the_baselines_are_what_the_live_hour_comes_to(database: Connection) -> None:
    hours = rows(database, TARGETS["Hours against the week before"], STARTED, STARTED + HOUR)
    now = {row["implementation_type"]: row for row in hours if row["hour_window"] == STARTED}
    for baseline in rows(database, TARGETS["Baselines and those before"], STARTED, STARTED + HOUR):
        live = now[baseline["implementation_type"]]
        for figure in ("hit_ratio", "p95"):  # The error ratio of the two weeks has an incident in it.
            assert 0.8 < float(live[figure]) / float(baseline[figure]) < 1.25, figure
        assert baseline["sample_size"] / (14 * 24) == pytest.approx(
            live["total_operations"] / busy(STARTED.timestamp() + 1800), rel=0.2
        )


@pytest.mark.parametrize("rate", [5.0, 20.0])
def test_a_week_of_recorded_series_is_as_high_as_what_is_measured_at_that_rate(rate: float) -> None:
    now = time.time()
    past = {(name, *labels.items()): values for name, labels, values in Past(now, now, rate, Random(2)).series()}
    checked = 0
    for level in levels().series:
        if calm := level.values.get(CALM):
            week = [value for value in past[level.name, *level.labels.items()][-7 * 288 :] if value is not None]
            expected = calm * (rate / levels().rate if level.follows_traffic else 1)
            assert 0.8 < median(week) / expected < 1.25, (level.name, level.labels)
            checked += 1
    assert checked > 100


def test_the_demo_is_as_busy_as_the_past_that_it_is_given() -> None:
    (rate,) = (option for option in demo.params if option.name == "rate")
    assert rate.default == backfill.RATE
