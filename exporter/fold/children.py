"""What a family holds: its children, each one label set, in segments that are rendered together."""

from __future__ import annotations

from collections.abc import Mapping
from sys import intern
from typing import Any

from exporter.conventions import Combine, Family, Kind
from exporter.fold.labels import LabelBudget

SERIES_PER_SEGMENT = 8
"""Fewer: more bytes a series. More: one change renders and compresses more of its neighbours again."""

Number = int | float

NO_PAGES = (None, None, None)
"""Of a segment that has been rendered in no format yet."""


class Child:
    """One label set of a counter; `created` is the Unix time at which it was made, 0 where that is unknown."""

    __slots__ = ("created", "labels", "row", "segment", "unsaved", "value")

    def __init__(self, labels: tuple[str, ...], row: int, created: float) -> None:
        self.labels = labels
        self.row = row
        self.created = created
        self.value: Number = 0
        self.segment: Segment | None = None
        self.unsaved = False


class Histogram(Child):
    """One label set of a histogram: a count for each bucket (the last is +Inf) and the sum."""

    __slots__ = ("counts", "exemplars")

    def __init__(self, labels: tuple[str, ...], row: int, created: float, buckets: int) -> None:
        super().__init__(labels, row, created)
        self.value = 0.0
        self.counts = [0] * (buckets + 1)
        self.exemplars: dict[int, tuple[str, float, float]] | None = None


class Gauge(Child):
    """One label set of a gauge: the readings of each reporting instance, and what they come to."""

    __slots__ = ("readings",)

    def __init__(self, labels: tuple[str, ...], row: int) -> None:
        # A level does not start from zero, so OpenMetrics has no creation time for it.
        super().__init__(labels, row, 0.0)
        self.readings: dict[str, tuple[float, float, float]] = {}


class Segment:
    """Children that are rendered together, and the cache of their text by format (kept by the renderer)."""

    __slots__ = ("children", "family", "pages", "stale")

    def __init__(self, family: FamilyState) -> None:
        self.family = family
        self.children: list[Child] = []
        self.stale = False
        self.pages: tuple[Any, ...] = NO_PAGES


class FamilyState:
    """The children of one family."""

    __slots__ = ("budget", "children", "family", "roomy", "segment_size", "segments")

    def __init__(self, family: Family, budget: int) -> None:
        self.family = family
        self.budget = LabelBudget(family, budget)
        self.children: dict[tuple[str, ...], Child] = {}
        self.segments: list[Segment] = []
        self.roomy: list[Segment] = []
        self.segment_size = max(1, SERIES_PER_SEGMENT // family.series_per_child)

    def new_child(self, labels: tuple[str, ...], row: int, created: float) -> Child:
        """Makes the child of a label set that is not there yet."""
        labels = tuple(map(intern, labels))
        child: Child
        if self.family.kind is Kind.HISTOGRAM:
            child = Histogram(labels, row, created, len(self.family.buckets))
        elif self.family.kind is Kind.GAUGE:
            child = Gauge(labels, row)
        else:
            child = Child(labels, row, created)
        self.children[labels] = child
        self.budget.take(labels)
        return child

    def place(self, child: Child) -> Segment:
        """Gives the child a segment with room, so that it is shown from now on."""
        if not self.roomy:
            segment = Segment(self)
            self.segments.append(segment)
            self.roomy.append(segment)
        segment = self.roomy[-1]
        segment.children.append(child)
        child.segment = segment
        if len(segment.children) == self.segment_size:
            self.roomy.pop()
        return segment

    def remove(self, child: Child) -> None:
        """Forgets the child; its segment has room again."""
        del self.children[child.labels]
        self.budget.give_back(child.labels)
        if child.segment is not None:
            child.segment.children.remove(child)
            if child.segment not in self.roomy:
                self.roomy.append(child.segment)


def combined(family: Family, readings: Mapping[str, tuple[float, float, float]]) -> float:
    """What the readings of all instances come to: their sum, or the highest."""
    values = [value for _, _, value in readings.values()]
    return max(values) if family.combine is Combine.MAX else sum(values)
