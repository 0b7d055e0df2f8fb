"""The state: every child of every family, and what has changed since it was last shown or saved.

Only the fold's thread touches it. A child is one label set; a segment is a handful of children whose
text is cached together, so that a scrape renders only what has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from exporter.conventions import FOLDED, SERIES_OVERFLOW, Family
from exporter.fold.children import Child, FamilyState, Number, Segment


class ChildRow(NamedTuple):
    """What is saved of a child once: which one it is, whose first contact hides it, and when it was made."""

    row: int
    family: str
    labels: tuple[str, ...]
    holder: str
    created: float | None


class State:
    """Everything that is counted.

    `generation` changes whenever something was shown or saved: who caches "this child is marked as
    changed already" must mark it anew then. While `holder` names a source, new children are hidden until
    that source is released: a first contact with a day of history must not look like a spike. For the same
    reason they have no creation time; any other new child has `received`, the Unix time at which the batch
    that is being folded arrived (0: unknown). `shown_in` is the format of the last whole scrape: no segment
    lacks it.
    """

    def __init__(self, budgets: Mapping[str, int] | None = None) -> None:
        overrides = budgets or {}
        self.families = {
            family.name: FamilyState(family, overrides.get(family.name, family.budget)) for family in FOLDED
        }
        self.generation = 0
        self.unshown: list[Segment] = []
        self.shown_in: int | None = None
        self.unplaced: list[tuple[FamilyState, Child]] = []
        self.holder = ""
        self.received = 0.0
        self.hidden: dict[str, list[tuple[FamilyState, Child]]] = {}
        self.released: list[str] = []
        self.unsaved: list[Child] = []
        self.new_rows: list[ChildRow] = []
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
        child = held.new_child(labels, self.next_row, 0.0 if self.holder else self.received)
        self.new_rows.append(ChildRow(child.row, held.family.name, labels, self.holder, child.created or None))
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

    def add_total(self, family: Family, labels: tuple[str, ...], rise: Number) -> None:
        """Adds what a running total of somebody else has risen by.

        The total may have begun long before: if this makes a series, it has no creation time, for what was
        counted before the first report must not look like an increase.
        """
        received, self.received = self.received, 0.0
        self.add(family, labels, rise)
        self.received = received

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

    def restore(self, family: Family, saved: ChildRow) -> Child:
        """The child of a saved row, to be filled by the caller."""
        held = self.families[family.name]
        child = held.new_child(saved.labels, saved.row, saved.created or 0.0)
        self._hide_or_place(held, child, saved.holder)
        self.next_row = max(self.next_row, saved.row + 1)
        return child

    def forget_created_after(self, now: float) -> None:
        """Forget creation times that lie in the future: the clock was wrong when those children were made.

        Prometheus would take such a time, once it has passed, for a reset of the counter, and count it twice.
        """
        for family, children in self.each():
            for child in children:
                if child.created > now:
                    child.created = 0.0
                    # Only a child of no holder has a creation time.
                    self.new_rows.append(ChildRow(child.row, family.name, child.labels, "", None))
                    self.touch(child)

    def each(self) -> Iterator[tuple[Family, Sequence[Child]]]:
        """Every family with its children."""
        for held in self.families.values():
            yield held.family, list(held.children.values())
