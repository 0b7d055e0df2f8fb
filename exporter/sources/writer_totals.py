"""What the writer's own totals say was written but never seen.

Each member carries its type's total at about that time. Within one run of a writer, what is missing is
highest - lowest + 1 - members seen; the totals bound a loss, they do not prove it: threads repeat and skip
them, clocks shuffle them, several processes interleave theirs, and a restart begins with another count. In
doubt nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, takewhile

from msgspec import Struct, field

from exporter.sources.writer_runs import JITTER_S, SKEW, Coming, Point, Run, Window

_MOST_RUNS = 32
"""Runs that are followed at once; beyond that, the closest two are joined and nothing between them is claimed."""

_RECENT_S = 60
_FEW_PIECES = 4
"""Young runs that began within a minute: so many are left by restarts."""

_YOUNG = 32
"""Members up to which a run within another's range may be stragglers of the other."""

UNCERTAIN = 16
"""Totals that threads under way, or members of several writers, may leave open for a while."""


class WriterTotals(Struct):
    """The runs under way, the latest last; members whose totals are not known; what was claimed in all."""

    runs: list[Run] = field(default_factory=list)
    unread: int = 0
    missing: int = 0

    def settle(self, points: Sequence[Point], coming: Coming, before: int = 0) -> None:
        """Take members that nothing can come between any more, in the order of their scores, and claim what is lost.

        `before` is how many members of the day before the set holds: a gateway that starts counts on from there.
        """
        if not points:
            return
        window = Window(points, coming)
        for place, (score, total) in enumerate(points):
            if total:
                self._take(score, total, window, before + place)
            else:
                self.arrived_unread(1)
        self._claim(window)

    def arrived_unread(self, members: int) -> None:
        """Count members that arrived with totals that are not known: they are not missing."""
        self.unread += members if self.runs else 0

    def _take(self, score: float, total: int, window: Window, before: int) -> None:
        """Give the total to the run that it continues or fills, else begin one."""
        if (run := self._continued(total)) is not None:
            self._continue(run, total)
        elif (run := next((run for run in reversed(self.runs) if run.may_lack(total)), None)) is not None:
            run.fill()
        else:
            self._begin(Run(total, total, began=score), window, before)

    def _continued(self, total: int) -> Run | None:
        """Return the latest run that goes on with the total, or repeats one of its last."""
        close = (run for run in reversed(self.runs) if run.highest - SKEW <= total <= run.highest + 1)
        return next((run for run in close if total >= run.lowest), None)

    def _continue(self, run: Run, total: int) -> None:
        if total > run.highest:
            run.highest = total
            run.seen += 1
        else:
            run.fill()
        # A run that goes on has not been succeeded by the young ones within its range: they were stragglers.
        later = takewhile(lambda other: other is not run, reversed(self.runs))
        stragglers = [other for other in later if other.seen <= _YOUNG and other.overlaps(run)]
        run.repeat(sum(other.seen for other in stragglers))
        self._move_last(run, *stragglers)

    def _move_last(self, run: Run, *gone: Run) -> None:
        out = {id(run), *map(id, gone)}
        self.runs = [*(other for other in self.runs if id(other) not in out), run]

    def _begin(self, run: Run, window: Window, before: int) -> None:
        below, above = self._ended_before(run, window, before), self._begun_out_of_order(run, window)
        if above is not None:
            run.join(above)
            self._move_last(run, above)
        if below is not None:
            below.join(run)
            self._move_last(below, run)
        else:
            self._move_last(run)
        if len(self.runs) > _MOST_RUNS:
            self._join_the_closest()

    def _ended_before(self, begun: Run, window: Window, before: int) -> Run | None:
        """Return the run that lost what lies between its end and this beginning, if one did."""
        total = begun.lowest
        latest = takewhile(lambda run: not run.covers(total), reversed(self.runs))
        run = max((run for run in latest if run.highest < total), key=lambda run: run.highest, default=None)
        if run is None or window.is_anothers(run.highest, total, begun.began):
            return None
        counts_what_it_found = total > run.highest + SKEW and total - 1 <= before
        return None if counts_what_it_found else run

    def _begun_out_of_order(self, begun: Run, window: Window) -> Run | None:
        """Return the run of higher totals that began a moment too early, if one did."""
        total = begun.highest
        run = min((run for run in self.runs if run.lowest > total), key=lambda run: run.lowest, default=None)
        if run is None or run.seen > SKEW or run.began < begun.began - JITTER_S or self._is_overlapped(run):
            return None
        return None if window.is_anothers(total, run.lowest, begun.began) else run

    def _is_overlapped(self, run: Run) -> bool:
        return any(other is not run and other.overlaps(run) for other in self.runs)

    def _join_the_closest(self) -> None:
        runs = sorted(self.runs, key=lambda run: run.lowest)
        low, high = min(pairwise(runs), key=lambda pair: pair[1].lowest - pair[0].highest)
        low.join(high, doubtful=True)
        self.runs = [low if run is high else run for run in self.runs if run is not low]

    def _claim(self, window: Window) -> None:
        """Claim what is open, but for what may come right behind."""
        groups = [group for group in self._groups() if sum(run.open for run in group) > 0]
        if not groups or self._is_disordered(window.newest):
            return
        soon = window.soon()
        lost = sum(_close(group, self._may_come(group, soon)) for group in groups)
        read = min(lost, self.unread)
        self.unread -= read
        self.missing += lost - read

    def _is_disordered(self, newest: float) -> bool:
        """Return whether totals come in no order: then runs are only pieces, and gaps are no losses."""
        pieces = sum(run.seen <= _YOUNG and run.began > newest - _RECENT_S for run in self.runs)
        return pieces > _FEW_PIECES

    def _groups(self) -> list[list[Run]]:
        """Return the runs whose ranges overlap together, without those that may be stragglers."""
        groups: list[list[Run]] = []
        for run in sorted(self.runs, key=lambda run: run.lowest):
            if groups and any(other.overlaps(run) for other in groups[-1]):
                groups[-1].append(run)
            else:
                groups.append([run])
        return [[run for run in group if run.seen > _YOUNG] if len(group) > 1 else group for group in groups]

    def _may_come(self, group: Sequence[Run], soon: Sequence[int]) -> int:
        """Return how much of what is open in these runs may be written after all."""
        within = sum(any(run.covers(total) for run in group) for total in soon)
        # A thread under way may carry a total beyond the range; what is another writer's may be counted here.
        uncertain = UNCERTAIN if len(self.runs) > 1 else min(UNCERTAIN, len(soon) - within)
        return within + uncertain


def _close(group: Sequence[Run], may_come: int) -> int:
    """Take what is lost for good off what is open, and return how much that is."""
    lost = left = max(0, sum(run.open for run in group) - may_come)
    for run in group:
        closed = min(left, max(0, run.open))
        run.open -= closed
        left -= closed
    return lost
