"""The figure of the third call says what the simulated gateway does in an incident."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from exporter.conventions import CALL_SLOWDOWN
from exporter.decode.canonical import decode
from exporter.demo.conditions import NORMAL
from exporter.demo.incidents import INCIDENTS, Schedule
from exporter.demo.traffic import Traffic
from exporter.expose.exposition import Format, render
from exporter.fold.apply import Fold
from exporter.fold.state import State
from exporter.types import Batch
from tests import servers
from tests.blocks import prometheus_of
from tests.grafana.shipped import Target, targets

RATE, STEP_S, LASTS_S = 40, 30, 1800
STARTED = 1_780_000_000
ENDED = STARTED + LASTS_S
INCIDENT_NAMES = ("third-call-slow", "slow-kimi", "redis-down", "error-burst")
FACTOR = INCIDENTS["third-call-slow"](NORMAL).later_slowdown["supabase"]


@dataclass(frozen=True)
class Figure:
    """The contents of the card: its name, how many times the first call, and of how many conversations."""

    labels: dict[str, str]
    times: float
    conversations: float


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Prometheus]:
    """A Prometheus that has half an hour of each incident, each under a job of its own."""
    lines = (line for incident in INCIDENT_NAMES for line in samples(incident))
    with prometheus_of(tmp_path_factory.mktemp("third-call"), [f"# TYPE {CALL_SLOWDOWN.name} histogram", *lines]) as it:
        yield it


def samples(incident: str) -> Iterator[str]:
    """Return what the exporter shows of the comparison in an incident, every half minute."""
    traffic = Traffic(Random(11), STARTED, RATE, Schedule([incident], 0, 1e9).conditions)
    fold = Fold(State())
    for now in range(STARTED + STEP_S, ENDED + 1, STEP_S):
        traces = [event for event in traffic.until(now) if event["kind"] == "trace"]
        fold.apply(Batch("demo", decode(json.dumps(traces).encode(), now, most=10**6).events, received=now))
        for child in fold.state.families[CALL_SLOWDOWN.name].children.values():
            for line in render(CALL_SLOWDOWN, child, Format.TEXT).splitlines():
                name, _, value = line.rpartition(" ")
                yield f"{name.replace('{', f'{{job={json.dumps(incident)},', 1)} {value} {now}"


def shown(prometheus: servers.Prometheus, title: str, incident: str, part: int, at: float = ENDED) -> list[Any]:
    """Return the rows that a question of a panel has at a moment."""
    target = [each for each in targets() if each.panel["title"] == title][part]
    assert isinstance(target, Target)
    expression = target.expression(None, range="30m").replace('{call="3"', f'{{job="{incident}",call="3"')
    return prometheus.query(expression.replace("{tool=~", f'{{job="{incident}",tool=~'), at=at)


def figure(prometheus: servers.Prometheus, incident: str, at: float = ENDED) -> Figure | None:
    rows, counts = (shown(prometheus, "Third call against the first", incident, part, at) for part in (0, 1))
    if not rows:
        return None
    (row,), (count,) = rows, counts
    return Figure(row["metric"], float(row["value"][1]), float(count["value"][1]))


def test_the_figure_names_the_layer_that_is_slow_and_how_slow_it_is(prometheus: servers.Prometheus) -> None:
    found = figure(prometheus, "third-call-slow")
    assert found
    assert found.labels == {"call": "3", "layer": "supabase", "tool": "all", "provider": "all"}
    assert found.times == pytest.approx(FACTOR, rel=0.1)
    assert found.conversations > 500


@pytest.mark.parametrize("incident", INCIDENT_NAMES[1:])
def test_the_figure_stays_at_1_where_the_first_call_is_as_slow_as_the_third(
    prometheus: servers.Prometheus, incident: str
) -> None:
    found = figure(prometheus, incident)
    assert found
    assert found.times == pytest.approx(1, rel=0.1)


def test_there_is_no_figure_of_fewer_than_30_conversations(prometheus: servers.Prometheus) -> None:
    found = [figure(prometheus, "third-call-slow", STARTED + seconds) for seconds in range(60, 300, STEP_S)]
    assert found[0] is None
    assert found[-1]
    assert all(each.conversations >= 30 for each in found if each)


def test_the_table_names_the_slow_layer_in_each_later_call_and_in_no_earlier_one(
    prometheus: servers.Prometheus,
) -> None:
    rows = shown(prometheus, "Calls against the first of their conversation", "third-call-slow", 2)
    slow = {(row["metric"]["call"], row["metric"]["layer"]) for row in rows if float(row["value"][1]) > 1.25}
    assert slow == {(call, "supabase") for call in ("3", "4", "5+")}
