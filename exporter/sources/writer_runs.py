"""One run of one writer, told by the totals of its members, and the members that may still belong to it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import islice, takewhile

from msgspec import Struct

SKEW = 8
"""Totals that threads of one writer usually repeat or skip at once."""

JITTER_S = 2.0
"""Seconds that threads and clocks of one writer put members out of their order."""

_LOOK_AHEAD = 20_000
"""Members inside the look-back that are searched for totals that fill a gap."""

_SMALL_GAP = 64
"""A gap that is no larger is one writer's, also where a few members of it come a moment later."""

_MOST_REPEATS = 1000
"""Repeated totals of one run that are set against gaps to come."""

Point = tuple[float, int]
"""The score of a member and the total that it carries."""

Coming = Callable[[], Iterator[Point]]
"""Returns the members inside the look-back, in the order of their scores."""


class Run(Struct):
    """A range of totals that one run of one writer wrote.

    `began` is the score of the lowest total. `open` is how many totals of the range have no member yet (negative
    where members share a total), `doubtful` how many may be another writer's: those are never claimed.
    """

    lowest: int
    highest: int
    seen: int = 1
    began: float = 0.0
    open: int = 0
    doubtful: int = 0

    def covers(self, total: int) -> bool:
        """Return whether the total lies in the range of this run."""
        return self.lowest <= total <= self.highest

    def may_lack(self, total: int) -> bool:
        """Return whether a member with that total may be one that is missing here."""
        return self.covers(total) and (self.open > 0 or self.doubtful > 0)

    def overlaps(self, other: Run) -> bool:
        """Return whether the two runs share a part of their ranges."""
        return self.lowest <= other.highest and other.lowest <= self.highest

    def fill(self) -> None:
        """Count a member within the range."""
        self.seen += 1
        if self.open <= 0 < self.doubtful:
            self.doubtful -= 1
        else:
            self.repeat(1)

    def repeat(self, members: int) -> None:
        """Set members against what is open."""
        self.open = max(self.open - members, -_MOST_REPEATS)

    def join(self, later: Run, *, doubtful: bool = False) -> None:
        """Take over a run with higher totals, and with it the gap between the two."""
        between = max(0, later.lowest - self.highest - 1)
        self.highest = max(self.highest, later.highest)
        self.seen += later.seen
        self.open += later.open + (0 if doubtful else between)
        self.doubtful += later.doubtful + (between if doubtful else 0)


class Window:
    """The members that are being settled and those inside the look-back."""

    def __init__(self, settled: Sequence[Point], coming: Coming) -> None:
        self._settled = settled
        self._coming = coming

    @cached_property
    def _by_total(self) -> list[tuple[int, float]]:
        points = [*self._settled, *islice(self._coming(), _LOOK_AHEAD)]
        return sorted((total, score) for score, total in points)

    def _scores(self, low: int, high: int) -> Iterator[float]:
        """Yield the scores of the members with totals between the two."""
        start = bisect_right(self._by_total, low, key=_total)
        end = bisect_left(self._by_total, high, key=_total)
        return (self._by_total[place][1] for place in range(start, end))

    def is_anothers(self, low: int, high: int, score: float) -> bool:
        """Return whether members that come after that score show the gap between two totals to be another writer's.

        One writer fills its gaps within moments. Where much of a large one stays empty, its writer has ended.
        """
        if any(later > score + JITTER_S for later in self._scores(low, high)):
            return True
        filled = sum(later > score for later in self._scores(low + SKEW, high - SKEW))
        return high - low > _SMALL_GAP and 0 < 2 * filled < high - low

    @property
    def newest(self) -> float:
        """The score of the last member that is being settled."""
        return self._settled[-1][0]

    def soon(self) -> list[int]:
        """Return the totals of the members right behind those that are being settled."""
        until = self.newest + JITTER_S
        return [total for _, total in takewhile(lambda point: point[0] <= until, self._coming())]


def _total(point: tuple[int, float]) -> int:
    return point[0]
