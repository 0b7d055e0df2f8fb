"""Every number on the first screen of every board tells the truth, before an incident, in it, and after it.

The gateway is simulated; all else is real. Its own events are the truth.
"""

from __future__ import annotations

import math
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from exporter.demo.incidents import INCIDENTS
from tests.grafana.shipped import Asked, SqlTarget, Target, sql_targets, targets
from tests.incidents.boards import ROWS, TRUTHS
from tests.incidents.expected import Labels, Maybe
from tests.incidents.figures import Figure
from tests.incidents.moment import RANGE_S, Moment, moment
from tests.incidents.rows import differences
from tests.incidents.story import story
from tests.servers import prometheus_version

SCREEN_ROWS = 24
"""What a board shows on a screen of 1,080 pixels, in Grafana's rows of 38 pixels."""

NUMBERS = {"stat", "gauge", "bargauge", "table"}

IN_CI = "error-burst"
CHOSEN = tuple(INCIDENTS) if "ALL_INCIDENTS" in os.environ else (IN_CI,)
"""The others take 4 minutes each: make incidents."""

KNOWS_WHEN_SERIES_BEGIN = pytest.mark.skipif(
    prometheus_version() < (3,), reason="Prometheus 2 takes a series' first value for no increase: make test-current"
)


ELSEWHERE = {"exai-postgres-server"}
"""A board that tests/grafana/test_postgres_server.py compares with a server."""


def on_first_screen(asked: Asked) -> bool:
    """Return whether a question is about a number that is seen without scrolling."""
    seen = asked.panel["gridPos"]["y"] < SCREEN_ROWS
    return seen and asked.panel["type"] in NUMBERS and asked.board["uid"] not in ELSEWHERE


FIRST_SCREEN = list(filter(on_first_screen, targets()))
FIRST_ROWS = list(filter(on_first_screen, sql_targets()))


def test_the_truth_of_every_number_of_the_first_screens_is_known() -> None:
    unknown = [target for target in FIRST_SCREEN if key(target) not in TRUTHS.get(target.board["uid"], {})]
    unknown_rows = [target for target in FIRST_ROWS if key(target) not in ROWS.get(target.board["uid"], {})]
    assert [str(asked) for asked in (*unknown, *unknown_rows)] == []


def key(asked: Asked) -> tuple[str, str]:
    """Return by what the truth about a question is found."""
    return asked.panel["title"], asked.json["refId"]


@KNOWS_WHEN_SERIES_BEGIN
@pytest.mark.parametrize("incident", CHOSEN)
def test_the_first_screens_tell_the_truth_before_an_incident_in_it_and_after_it(incident: str, tmp_path: Path) -> None:
    with story(tmp_path) as told:
        wrong = {phase: lies(moment(told)) for phase in told.play(incident)}
    assert not any(wrong.values()), "\n".join(f"{phase}: {lie}" for phase, lies in wrong.items() for lie in lies)


def lies(now: Moment) -> list[str]:
    """Return what is shown now and is not true, on all screens as far as the truth is known."""
    figures = [(target, TRUTHS.get(target.board["uid"], {}).get(key(target))) for target in targets()]
    rows = [(target, ROWS.get(target.board["uid"], {}).get(key(target))) for target in sql_targets()]
    return [
        *(lie for target, figure in figures if figure for lie in compared(target, figure, now)),
        *(f"{target} {lie}" for target, known in rows if known for lie in differences(read(target, now), known(now))),
    ]


def read(target: SqlTarget, now: Moment) -> list[DictRow]:
    """Return what a question to PostgreSQL answers."""
    until = datetime.fromtimestamp(now.at, UTC)
    with psycopg.connect(now.story.database, row_factory=dict_row) as connection:
        return connection.execute(target.statement(until - timedelta(seconds=RANGE_S), until)).fetchall()


def compared(target: Target, known: Figure, now: Moment) -> list[str]:
    """Return each row of a question that is not as it should be."""
    rows, wanted = shown(target, now), known(now)
    untrue = [labels for labels in rows if labels not in wanted or not wanted[labels].agrees(rows[labels])]
    missing = [labels for labels in wanted.keys() - rows.keys() if not isinstance(wanted[labels], Maybe)]
    return [
        f"{target} {dict(labels)}: {rows.get(labels)} is shown, {wanted.get(labels)} is true"
        for labels in (*untrue, *missing)
    ]


def shown(target: Target, now: Moment) -> dict[Labels, float]:
    """Return what a question answers."""
    expression = target.expression(None, range=f"{RANGE_S}s", rate_interval=f"{RANGE_S}s")
    found = now.story.prometheus.query(expression, at=now.at)
    values = {_labels(row["metric"]): float(row["value"][1]) for row in found}
    assert not any(math.isnan(value) for value in values.values()), f"{target} shows what is no number"
    return values


def _labels(metric: dict[str, str]) -> Labels:
    return frozenset((name, value.strip()) for name, value in metric.items() if name != "__name__")
