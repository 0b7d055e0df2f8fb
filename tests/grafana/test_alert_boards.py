"""What the board of alerts reads of Postgres is right: against a real one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from tests.databases import postgres_server
from tests.grafana.kept_alerts import keep
from tests.grafana.shipped import sql_targets

TARGETS = [target for target in sql_targets() if target.board["uid"] == "exai-alert-history"]
BY_TITLE = {target.panel["title"]: target for target in TARGETS}
SEVERITIES = ("critical", "warning", "info")
HISTORY, NOISE, BEGAN = "Alerts and what people said", "Noise by alert", "Alerts that began"

Connection = psycopg.Connection[DictRow]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A database with alerts of a month."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        dsn = server.migrated("alerts")
        with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
            keep(connection)
            yield connection


def rows(database: Connection, title: str, minutes: float = 15, ago_days: float = 0, **chosen: str) -> list[DictRow]:
    """What the panel of that title reads of minutes that ended days ago."""
    until = datetime.now(UTC) - timedelta(days=ago_days)
    statement = BY_TITLE[title].statement(until - timedelta(minutes=minutes), until, chosen)
    return database.execute(statement).fetchall()


def test_the_cards_count_the_open_alerts_and_those_that_nobody_looks_after(database: Connection) -> None:
    assert rows(database, "Open") == [{"critical": 1, "warning": 1, "info": 1}]
    assert rows(database, "Open", service="glm") == [{"critical": 0, "warning": 0, "info": 1}]
    (unseen,) = rows(database, "Nobody looks after")
    assert unseen["not acknowledged"] == 2
    assert float(unseen["oldest"]) == pytest.approx(300, abs=60)
    (unseen,) = rows(database, "Nobody looks after", severity="critical")
    assert unseen == {"not acknowledged": 0, "oldest": 0}


def test_a_month_is_summed_up_whatever_the_time_range(database: Connection) -> None:
    (seen,) = rows(database, "In 30 days", minutes=1)
    assert (seen["alerts"], float(seen["acknowledged"])) == (7, pytest.approx(3 / 7))
    (seen,) = rows(database, "In 30 days", ago_days=40)
    assert seen["alerts"] == 1


def test_reactions_are_quantiles_of_those_who_reacted(database: Connection) -> None:
    assert rows(database, "Time until acknowledged") == [
        {"half within": 120, "95 % within": pytest.approx(282), "alerts": 3}
    ]
    (resolved,) = rows(database, "Time until resolved", service="kimi")
    assert resolved == {"half within": 120, "95 % within": pytest.approx(174), "alerts": 2}


def test_the_history_has_the_open_ones_first_and_what_people_said(database: Connection) -> None:
    found = rows(database, HISTORY)
    assert [(row["state"], row["metric_name"], row["service"]) for row in found] == [
        ("open", "ExaiConnectionErrorRatioHigh", "kimi"),
        ("open", "ExaiTimeoutConfidenceLow", "glm"),
        ("acknowledged", "ExaiProviderDown", "kimi"),
        ("resolved", "ExaiConnectionErrorRatioHigh", "glm"),
        ("resolved", "ExaiRedisDown", "redis"),
        ("resolved", "ExaiConnectionErrorRatioHigh", "kimi"),
        ("resolved", "ExaiConnectionErrorRatioHigh", "kimi"),
    ]
    said = [(row["acknowledged_by"], row["waited"], row["acknowledged_note"]) for row in found]
    assert said[2] == ("ada", 120, "on it")
    assert said[4] == ("ada", 300, "the disk was full")
    assert float(found[2]["lasted"]) == pytest.approx(1200, abs=60), "it lasts"
    assert found[4]["lasted"] == 1800


def test_the_history_is_chosen_by_severity_category_and_service(database: Connection) -> None:
    assert {row["service"] for row in rows(database, HISTORY, service="redis")} == {"redis"}
    assert {row["severity"] for row in rows(database, HISTORY, severity="critical")} == {"critical"}
    assert len(rows(database, HISTORY, severity="(critical|warning)")) == 6
    assert rows(database, HISTORY, category="capacity") == []
    assert rows(database, HISTORY, service="red") == []


def test_the_noise_of_an_alert_is_how_often_how_long_and_whether_anybody_cared(database: Connection) -> None:
    noisiest, *others = rows(database, NOISE, minutes=60)
    assert noisiest.pop("last") > datetime.now(UTC) - timedelta(minutes=10)
    assert {name: float(value) for name, value in noisiest.items() if name != "metric_name"} == {
        "worst": 2, "in_range": 2, "began": 4, "a_day": pytest.approx(4 / 30, abs=0.001),
        "lasted": pytest.approx(600, abs=60), "half_over": 60, "acknowledged": 0.25, "half_seen": 60,
    }  # fmt: skip
    assert [(row["metric_name"], row["worst"], row["acknowledged"]) for row in others] == [
        ("ExaiProviderDown", 3, 1), ("ExaiRedisDown", 3, 1), ("ExaiTimeoutConfidenceLow", 1, 0),
    ]  # fmt: skip


def test_alerts_that_began_are_counted_in_equal_steps_with_zeros_between(database: Connection) -> None:
    found = rows(database, BEGAN, minutes=14 * 24 * 60)
    times = sorted({row["time"] for row in found})
    assert len(times) == 48
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(hours=7)}
    counted = {severity: [row["value"] for row in found if row["metric"] == severity] for severity in SEVERITIES}
    assert {severity: sum(values) for severity, values in counted.items()} == {"critical": 2, "warning": 4, "info": 1}
    assert all(len(values) == 48 for values in counted.values())
    assert counted["warning"][-1] == 2


EMPTY = [title for title in BY_TITLE if title not in (HISTORY, NOISE)]


@pytest.mark.parametrize("title", EMPTY)
def test_a_card_is_never_without_a_row(title: str, database: Connection) -> None:
    assert rows(database, title, severity="none of them")
