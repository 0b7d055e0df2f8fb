"""How fast a service is now, and what was thought of it when a call started."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass, field

_CALLS = 15
_LARGEST_STEP = 1.5
_KEPT = 320


@dataclass(slots=True)
class Speed:
    """The level of the last 15 or so residuals: an exponential mean of what each adds, 1.5 (a factor of 4.5) at most.

    The clip is Huber's (1964): one hung or cached call must not move the timeouts of the next.
    """

    level: float = 0.0
    calls: int = 0

    def learn(self, residual: float) -> None:
        """Learns a residual (logarithm of seconds, the level taken off)."""
        self.calls += 1
        step = max(-_LARGEST_STEP, min(_LARGEST_STEP, residual))
        self.level += step / min(self.calls, _CALLS)


@dataclass(slots=True)
class History:
    """The levels of past timeouts and the tails above them, by the time from which they held.

    Of 640, every second one but the last 320 goes: the further back, the coarser, but long calls find theirs.
    """

    times: array[float] = field(default_factory=lambda: array("d"))
    levels: array[float] = field(default_factory=lambda: array("f"))
    tails: array[float] = field(default_factory=lambda: array("f"))

    def add(self, time: float, level: float, tail: float) -> None:
        """Says what holds from now on; time never runs backwards here."""
        times = self.times
        times.append(max(time, times[-1]) if times else time)
        self.levels.append(level)
        self.tails.append(tail)
        if len(times) >= 2 * _KEPT:
            del times[1:_KEPT:2], self.levels[1:_KEPT:2], self.tails[1:_KEPT:2]

    def at(self, time: float) -> tuple[float, float]:
        """Level and tail as they were at that time, or at the oldest that is kept."""
        index = max(0, bisect_right(self.times, time) - 1)
        return self.levels[index], self.tails[index]
