"""Puts one observation into a histogram."""

from __future__ import annotations

import re
from bisect import bisect_left

from exporter.conventions import Family
from exporter.fold.children import Histogram
from exporter.fold.state import State

Mark = tuple[str, float]
"""A trace id and its Unix time."""

_TRACE_ID = re.compile(r"[\w.:/+=-]{1,120}")
"""OpenMetrics allows an exemplar's labels 128 characters, names included; not every reader knows escapes there."""


def observe(
    state: State,
    family: Family,
    labels: tuple[str, ...],
    value: float,
    mark: Mark | None = None,
) -> None:
    """Counts the value in its bucket; a mark stays there as the bucket's newest exemplar."""
    child = state.child(family, labels)
    assert isinstance(child, Histogram)  # noqa: S101 - the catalogue says so
    bucket = bisect_left(family.buckets, value)
    child.counts[bucket] += 1
    child.value += value
    if mark and _TRACE_ID.fullmatch(mark[0]):
        if child.exemplars is None:
            child.exemplars = {}
        child.exemplars[bucket] = (mark[0], value, mark[1])
