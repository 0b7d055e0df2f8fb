"""What the writer's own totals say was written but never seen.

Each member carries its type's total at about that time. Within one run of a writer, missing is
highest - lowest + 1 - members seen; the totals bound a loss, they do not prove it: threads repeat and skip
them by a few, several processes interleave theirs, and a restart begins a lower count. In doubt nothing
is claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

from msgspec import Struct, field

SKEW = 8
"""How far threads of one writer get ahead of each other."""

LOOK_AHEAD = 2000
"""Members that are asked whether they fill a gap: a busy second or two of one type."""

MOST_RUNS = 8
"""Runs of writers that are followed at once; the one that rested longest is given up."""

Coming = Callable[[], Iterator[int]]
"""The totals of the members inside the look-back, in the order of their scores."""


class Run(Struct):
    """One run of one writer, as far as its totals show it."""

    lowest: int
    highest: int
    seen: int = 1

    @property
    def missing(self) -> int:
        """Totals without a member; negative where members share a total."""
        return self.highest - self.lowest + 1 - self.seen

    def may_bring(self, total: int) -> bool:
        """Whether this run could go on with that total; a fall to its beginning is another run."""
        return total >= self.highest - SKEW and (total > self.lowest or (self.seen < SKEW and total < self.lowest))

    def leaps_to(self, total: int, coming: Iterable[int]) -> bool:
        """Whether a gap before the total is a loss: where the gap is filled yet, the total is another writer's."""
        if total <= self.highest + SKEW:
            return True
        return not any(self.highest < other < total - SKEW for other in islice(coming, LOOK_AHEAD))

    def take(self, total: int) -> None:
        """Counts a member of this run."""
        self.lowest, self.highest = min(self.lowest, total), max(self.highest, total)
        self.seen += 1


class WriterTotals(Struct):
    """The runs that are under way, the latest last; what runs that were given up miss; what was claimed in all."""

    runs: list[Run] = field(default_factory=list)
    given_up: int = 0
    missing: int = 0

    def settle(self, totals: Sequence[int], coming: Coming) -> None:
        """Takes the totals of members that nothing can come between any more, in the order of their scores."""
        for place, total in enumerate(totals):
            if total:
                self._take(total, chain(islice(totals, place + 1, None), coming()))
            else:
                # A member that cannot be read did arrive: its total is not missing.
                self.given_up -= bool(self.runs)
        missing = self.given_up + sum(run.missing for run in self.runs)
        if missing > self.missing:
            self.missing = max(self.missing, missing - self._overtaken(coming()))

    def _take(self, total: int, coming: Iterable[int]) -> None:
        """Gives the total to the run that it continues most closely, else it begins one."""
        runs = [run for run in reversed(self.runs) if run.may_bring(total)]
        run = min(runs, key=lambda run: abs(total - run.highest - 1), default=None)
        if run is None or not run.leaps_to(total, coming):
            self._begin(total)
            return
        run.take(total)
        self.runs.remove(run)
        self.runs.append(run)

    def _begin(self, total: int) -> None:
        if len(self.runs) == MOST_RUNS:
            self.given_up += self.runs.pop(0).missing
        self.runs.append(Run(total, total))

    def _overtaken(self, coming: Iterator[int]) -> int:
        """Members that come right behind, though their totals lie before those taken already."""
        next_ones = islice(coming, SKEW * MOST_RUNS)
        return sum(any(run.highest - SKEW <= total <= run.highest for run in self.runs) for total in next_ones)
