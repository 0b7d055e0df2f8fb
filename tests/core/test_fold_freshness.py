"""The ages of events when they are folded."""

from __future__ import annotations

from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from exporter import conventions as series
from exporter.events import ConnectionEvent, Reading
from exporter.fold.apply import Fold
from exporter.fold.children import Histogram
from exporter.fold.state import State
from exporter.gauge_values import ConnectionValues
from exporter.types import Batch

NOW = 1_800_000_000.0
BOUNDS = series.EVENT_AGE.buckets


def fold(*ages: float, holder: str = "", source: str = "http") -> State:
    state = State()
    state.holder = holder
    events = [ConnectionEvent("redis", "send", NOW - age) for age in ages]
    Fold(state).apply(Batch(source, events, received=NOW))
    return state


def observed(state: State) -> dict[tuple[str, ...], Histogram]:
    return state.families[series.EVENT_AGE.name].children


@given(st.lists(st.integers(0, 200_000), min_size=1))
def test_each_event_counts_in_the_bucket_of_its_age(ages: list[int]) -> None:
    child = observed(fold(*ages))["http",]
    expected = [0] * (len(BOUNDS) + 1)
    for age in ages:
        expected[bisect_left(BOUNDS, age)] += 1
    assert (child.counts, child.value) == (expected, sum(ages))


def test_an_event_of_a_clock_that_is_ahead_has_no_age() -> None:
    child = observed(fold(-100, 4))["http",]
    assert (child.counts[0], child.counts[bisect_left(BOUNDS, 4)], child.value) == (1, 1, 4)


def test_a_first_contact_has_no_ages() -> None:
    assert observed(fold(50_000, holder="redis_zset")) == {}


def test_gauges_and_batches_without_an_arrival_have_no_ages() -> None:
    state = State()
    reading = Reading("redis_zset", NOW - 9, ConnectionValues({"redis": 1}))
    Fold(state).apply(Batch("redis_zset", [reading], received=NOW))
    Fold(state).apply(Batch("redis_zset", [ConnectionEvent("redis", "send", NOW)]))
    assert observed(state) == {}
