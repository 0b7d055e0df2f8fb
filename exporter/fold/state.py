"""The state: every child of every family, and what has changed since it was last shown or saved.

Only the fold's thread touches it. A child is one label set; a segment is a handful of children whose
text is cached together, so that a scrape renders only what has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from sys import intern
from typing import Any

from exporter.conventions import FOLDED, SERIES_OVERFLOW, Combine, Family, Kind
from exporter.fold.labels import LabelBudget

SERIES_PER_SEGMENT = 8
"""Fewer: more bytes a series. More: one change renders and compresses more of its neighbours again."""

Number = int | float


class Child:
    """One label set of a counter."""

    __slots__ = ("labels", "row", "segment", "unsaved", "value")

    def __init__(self, labels: tuple[str, ...], row: int) -> None:
        self.labels = labels
        self.row = row
        self.value: Number = 0
        self.segment: Segment | None = None
        self.unsaved = False


class Histogram(Child):
    """One label set of a histogram: a count for each bucket (the last is +Inf) and the sum."""

    __slots__ = ("counts", "exemplars")

    def __init__(self, labels: tuple[str, ...], row: int, buckets: int) -> None:
        super().__init__(labels, row)
        self.value = 0.0
        self.counts = [0] * (buckets + 1)
        self.exemplars: dict[int, tuple[str, float, float]] | None = None


class Gauge(Child):
    """One label set of a gauge: the readings of each reporting instance, and what they come to."""

    __slots__ = ("readings",)

    def __init__(self, labels: tuple[str, ...], row: int) -> None:
        super().__init__(labels, row)
        self.readings: dict[str, tuple[float, float, float]] = {}


class Segment:
    """Children that are rendered together, and the cache of their text (kept by the renderer)."""

    __slots__ = ("children", "family", "pages", "stale")

    def __init__(self, family: FamilyState) -> None:
        self.family = family
        self.children: list[Child] = []
        self.stale = False
        self.pages: tuple[Any, ...] = ()


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

    def new_child(self, labels: tuple[str, ...], row: int) -> Child:
        """Makes the child of a label set that is not there yet."""
        labels = tuple(map(intern, labels))
        child: Child
        if self.family.kind is Kind.HISTOGRAM:
            child = Histogram(labels, row, len(self.family.buckets))
        elif self.family.kind is Kind.GAUGE:
            child = Gauge(labels, row)
        else:
            child = Child(labels, row)
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


class State:
    """Everything that is counted.

    `generation` changes whenever something was shown or saved: who caches "this child is marked as
    changed already" must mark it anew then. While `holder` names a source, new children are hidden until
    that source is released: a first contact with a day of history must not look like a spike.
    """

    def __init__(self, budgets: Mapping[str, int] | None = None) -> None:
        overrides = budgets or {}
        self.families = {
            family.name: FamilyState(family, overrides.get(family.name, family.budget)) for family in FOLDED
        }
        self.generation = 0
        self.unshown: list[Segment] = []
        self.unplaced: list[tuple[FamilyState, Child]] = []
        self.holder = ""
        self.hidden: dict[str, list[tuple[FamilyState, Child]]] = {}
        self.released: list[str] = []
        self.unsaved: list[Child] = []
        self.new_rows: list[tuple[int, str, tuple[str, ...], str]] = []
        self.removed_rows: list[int] = []
        self.next_row = 1

    def child(self, family: Family, labels: tuple[str, ...]) -> Child:
        """The child that counts for these (clean) label values, marked as changed."""
        held = self.families[family.name]
        child = held.children.get(labels) or self._admit(held, labels)
        self.touch(child)
        return child

    def _admit(self, held: FamilyState, labels: tuple[str, ...]) -> Child:
        admitted = held.budget.admit(labels, len(held.children))
        if admitted != labels:
            self.add(SERIES_OVERFLOW, (held.family.name,))
        child = held.children.get(admitted)
        return child or self._create(held, admitted)

    def _create(self, held: FamilyState, labels: tuple[str, ...]) -> Child:
        child = held.new_child(labels, self.next_row)
        self.new_rows.append((child.row, held.family.name, labels, self.holder))
        self.next_row += 1
        self._hide_or_place(held, child, self.holder)
        return child

    def _hide_or_place(self, held: FamilyState, child: Child, holder: str) -> None:
        (self.hidden.setdefault(holder, []) if holder else self.unplaced).append((held, child))

    def release(self, source: str) -> None:
        """Lets what the source has brought forth be shown."""
        self.unplaced += self.hidden.pop(source, [])
        self.released.append(source)

    def touch(self, child: Child) -> None:
        """Marks the child as changed: to be rendered and saved again."""
        if not child.unsaved:
            child.unsaved = True
            self.unsaved.append(child)
        segment = child.segment
        if segment is not None and not segment.stale:
            segment.stale = True
            self.unshown.append(segment)

    def add(self, family: Family, labels: tuple[str, ...], amount: Number = 1) -> None:
        """Adds to a counter."""
        self.child(family, labels).value += amount

    def place_new(self) -> None:
        """Shows the children that came since the last call."""
        for held, child in self.unplaced:
            if held.children.get(child.labels) is child:
                segment = held.place(child)
                if not segment.stale:
                    segment.stale = True
                    self.unshown.append(segment)
        self.unplaced.clear()

    def remove(self, family: Family, child: Child) -> None:
        """Retracts a child: it is neither shown nor saved any more."""
        self.families[family.name].remove(child)
        self.removed_rows.append(child.row)
        segment = child.segment
        if segment is not None and not segment.stale:
            segment.stale = True
            self.unshown.append(segment)

    def restore(self, family: Family, labels: tuple[str, ...], row: int, holder: str) -> Child:
        """The child of a saved row, to be filled by the caller."""
        held = self.families[family.name]
        child = held.new_child(labels, row)
        self._hide_or_place(held, child, holder)
        self.next_row = max(self.next_row, row + 1)
        return child

    def each(self) -> Iterator[tuple[Family, Sequence[Child]]]:
        """Every family with its children."""
        for held in self.families.values():
            yield held.family, list(held.children.values())


def combined(family: Family, readings: Mapping[str, tuple[float, float, float]]) -> float:
    """What the readings of all instances come to: their sum, or the highest."""
    values = [value for _, _, value in readings.values()]
    return max(values) if family.combine is Combine.MAX else sum(values)
