"""What the writer's own totals say was written but never seen.

Each member carries its type's total at about that time. Within one run of the writer, missing is
highest - lowest + 1 - members seen; the totals bound a loss, they do not prove it: threads repeat and skip
them by a few, several processes interleave theirs, and a restart begins a lower count.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

SKEW = 4
"""How far threads of one writer get ahead of each other."""

MOST_RUNS = 4
"""Runs of writers that are followed at once; the one that rested longest is given up."""


class Run(Struct):
    """One run of one writer, as far as its totals show it."""

    lowest: int
    highest: int
    seen: int = 1
    claimed: int = 0

    def take(self, total: int) -> None:
        """Counts a member of this run."""
        self.lowest, self.highest = min(self.lowest, total), max(self.highest, total)
        self.seen += 1

    def claim(self) -> int:
        """What is missing beyond what was claimed before."""
        missing = self.highest - self.lowest + 1 - self.seen
        new = max(0, missing - self.claimed)
        self.claimed += new
        return new


class WriterTotals(Struct):
    """The runs that are under way, the latest last, and what they miss in all."""

    runs: list[Run] = field(default_factory=list)
    missing: int = 0

    def settle(self, totals: Iterable[int]) -> None:
        """Takes the totals of members that nothing can come between any more, in the order of their scores."""
        for total in totals:
            if total:
                self._take(total)
        self.missing += sum(run.claim() for run in self.runs)

    def _take(self, total: int) -> None:
        """Gives the total to the run that it continues most closely, else it begins one."""
        continued = [run for run in self.runs if total >= run.highest - SKEW]
        if not continued:
            self.runs = [*self.runs[1 - MOST_RUNS :], Run(total, total)]
            return
        run = min(continued, key=lambda run: abs(total - run.highest - 1))
        run.take(total)
        self.runs.remove(run)
        self.runs.append(run)
