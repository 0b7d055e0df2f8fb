"""How old events are when they are folded."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

from exporter import conventions as series
from exporter.fold.children import Histogram
from exporter.fold.state import State


def observe_ages(state: State, source: str, events: Iterable[Any], received: float) -> None:
    """Count the ages of a run of events together: a few operations a run, where one an event would cost too much."""
    times = sorted(event.timestamp for event in events)
    child = state.child(series.EVENT_AGE, (source,))
    assert isinstance(child, Histogram)  # noqa: S101 - the catalogue says so
    older = len(times)
    for bucket, bound in enumerate(series.EVENT_AGE.buckets):
        if not older:
            break
        left = bisect_left(times, received - bound, hi=older)
        child.counts[bucket] += older - left
        older = left
    child.counts[-1] += older
    # An event of a clock that is ahead has no age.
    past = bisect_left(times, received)
    child.value += received * past - sum(times[:past])
