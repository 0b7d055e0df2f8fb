"""Every panel that asks Postgres has rows, which are right, and are found by an index: against a real one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from tests.databases import postgres_server
from tests.grafana import last_week
from tests.grafana.shipped import SqlTarget, sql_targets

TARGETS = list(sql_targets())
BY_TITLE = {target.panel["title"]: target for target in TARGETS}
DAY = timedelta(days=1)

Connection = psycopg.Connection[DictRow]

BY_IMPLEMENTATION = [target for target in TARGETS if "${implementation:" in target.json["rawSql"]]

each_target = pytest.mark.parametrize("target", TARGETS, ids=map(str, TARGETS))
each_by_implementation = pytest.mark.parametrize("target", BY_IMPLEMENTATION, ids=map(str, BY_IMPLEMENTATION))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A database that remembers a day of caches, and the same day a week before."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        dsn = last_week.remembering(server, "boards")
        with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
            yield connection


def rows(
    database: Connection, title: str, since: timedelta = DAY, chosen: Mapping[str, str] | None = None
) -> list[DictRow]:
    """What the panel of that title reads of the time since then."""
    now = datetime.now(UTC)
    return database.execute(BY_TITLE[title].statement(now - since, now, chosen)).fetchall()


@each_target
@pytest.mark.parametrize("since", [timedelta(minutes=15), DAY, 7 * DAY], ids=str)
def test_a_panel_has_rows(target: SqlTarget, since: timedelta, database: Connection) -> None:
    found = rows(database, target.panel["title"], since)
    assert found
    assert any(value is not None for value in found[0].values())


@each_target
def test_every_column_that_a_table_shows_is_one_of_its_query(target: SqlTarget, database: Connection) -> None:
    (found, *_) = rows(database, target.panel["title"])
    for step in target.panel.get("transformations", []):
        if step["id"] == "organize":
            assert step["options"]["includeByName"].keys() == found.keys()
    if target.json["format"] == "time_series":
        assert list(found) == ["time", "metric", "value"]


@each_by_implementation
def test_a_chosen_implementation_is_shown_alone(target: SqlTarget, database: Connection) -> None:
    found = rows(database, target.panel["title"], chosen={"implementation": "legacy"})
    assert found
    assert "new" not in {str(value).split(" ")[0] for row in found for value in row.values()}


@each_by_implementation
@pytest.mark.parametrize("part", ["egacy", "legac"])
def test_a_part_of_a_name_chooses_nothing(target: SqlTarget, part: str, database: Connection) -> None:
    found = rows(database, target.panel["title"], chosen={"implementation": part})
    assert [row for row in found if any(row.values())] == []


def test_the_cards_count_what_is_open(database: Connection) -> None:
    assert rows(database, "Open observations") == [{"critical": 1, "warning": 1, "info": 1}]
    (waiting,) = rows(database, "Waiting")
    assert waiting["not acknowledged"] == 2
    assert float(waiting["oldest open"]) == pytest.approx(3 * 3600, abs=300)
    (baselines,) = rows(database, "Baselines")
    assert baselines["active"] == 2


def test_observations_come_open_ones_first_and_then_the_worst(database: Connection) -> None:
    found = rows(database, "Observations")
    assert [(row["state"], row["severity"], row["subject"]) for row in found] == [
        ("open", "critical", "legacy"),
        ("open", "info", "new"),
        ("acknowledged", "warning", "new"),
        ("resolved", "warning", "legacy"),
    ]
    assert all(row["recommendation"] for row in found)
    assert float(found[0]["deviation"]) == pytest.approx((38.2 - 50.4) / 50.4)


def test_an_open_observation_is_shown_however_long_ago_it_began(database: Connection) -> None:
    states = [row["state"] for row in rows(database, "Observations", since=timedelta(minutes=15))]
    assert states == ["open", "open", "acknowledged"]


def test_baselines_are_shown_with_those_before_them(database: Connection) -> None:
    found = rows(database, "Baselines and those before")
    assert [row["state"] for row in found] == ["active", "active", "earlier", "earlier"]
    hit_ratios = {row["implementation_type"]: float(row["hit_ratio"]) for row in found[:2]}
    assert hit_ratios == pytest.approx({"legacy": 0.5, "new": 0.68}, abs=0.03)


def test_the_hours_of_a_day_at_least_are_compared_with_the_same_hours_a_week_before(database: Connection) -> None:
    title = "Hours against the week before"
    found = rows(database, title)
    hours = {row["hour_window"] for row in found}
    assert max(hours) - min(hours) in (timedelta(hours=22), timedelta(hours=23))
    assert hours == {row["hour_window"] for row in rows(database, title, since=timedelta(minutes=15))}
    for row in found:
        assert float(row["hit_ratio_change"]) == pytest.approx(1 / 0.95 - 1)
        assert float(row["operations_change"]) == pytest.approx(-0.2)
        assert float(row["p95_change"]) == pytest.approx(1 / 0.9 - 1)
        assert row["p50"] < row["p95"] < row["p99"]


def test_minutes_are_drawn_in_whole_steps_beside_those_of_last_week(database: Connection) -> None:
    found = rows(database, "Exact p95 of the slowest minute")
    last = {row["time"]: row["value"] for row in found if row["metric"] == "new a week ago"}
    this = {row["time"]: row["value"] for row in found if row["metric"] == "new"}
    assert last.keys() == this.keys()
    assert len(this) in (99, 100)
    assert max(this) + DAY / 100 <= datetime.now(UTC)
    assert last == pytest.approx({time: 0.7 * value for time, value in this.items()})


def test_a_hit_ratio_of_many_minutes_is_that_of_all_their_look_ups(database: Connection) -> None:
    found = [row for row in rows(database, "Hit ratio as it was kept") if row["metric"] == "legacy"]
    first = found[0]["time"]
    step = found[1]["time"] - first
    (expected,) = database.execute(
        "select sum(hits)::float8 / sum(hits + misses) as ratio from public.cache_metrics_1min "
        "where minute_window >= %s and minute_window < %s and implementation_type = 'legacy'",
        (first, first + step),
    )
    assert found[0]["value"] == pytest.approx(expected["ratio"])


def test_errors_come_newest_first(database: Connection) -> None:
    found = rows(database, "Newest errors")
    times = [row["timestamp"] for row in found]
    assert len(found) == 100
    assert times == sorted(times, reverse=True)


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@each_target
def test_a_query_reads_by_an_index_and_only_the_days_of_its_range(target: SqlTarget, database: Connection) -> None:
    now = datetime.now(UTC)
    asked = b"explain (format json) " + target.statement(now - timedelta(minutes=15), now)
    with database.transaction():
        database.execute("set local enable_seqscan = off")  # which is quicker while there are a hundred rows
        (plan,) = database.execute(asked).fetchall()
    read = [node for node in nodes(plan["QUERY PLAN"][0]["Plan"]) if "Relation Name" in node]
    large = [node for node in read if node["Relation Name"].startswith("cache_metrics")]
    assert [node["Relation Name"] for node in large if not {"Index Cond", "Recheck Cond"} & node.keys()] == []
    days = {node["Relation Name"] for node in large if node["Relation Name"].startswith("cache_metrics_2")}
    assert len(days) <= 2
