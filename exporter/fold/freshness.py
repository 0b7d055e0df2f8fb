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
    unsorted = [event.timestamp for event in events]
    times = sorted(unsorted)
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
    total = child.value
    # One by one, so that the sum does not depend on how events are cut into batches.
    for timestamp in unsorted:
        # An event of a clock that is ahead has no age.
        if timestamp < received:
            total += received - timestamp
    child.value = total
