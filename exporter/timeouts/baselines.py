"""What the estimator is held against: timeouts that need to know less, or more, than it does."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from math import ceil
from typing import Protocol

ROLLING_CALLS = 500
_GATEWAY_CALLS = 100
_GATEWAY_LEAST_EXTRA_S = 30.0


class Baseline(Protocol):
    """A timeout for the calls of one model."""

    def timeout_s(self) -> float:
        """The timeout in seconds of a call that starts now."""

    def learn(self, duration_s: float) -> None:
        """Learns that a call has ended well."""


class Static:
    """Always the same."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def timeout_s(self) -> float:
        return self._seconds

    def learn(self, duration_s: float) -> None:
        pass


class _Window:
    def __init__(self, size: int) -> None:
        self._size = size
        self._arrived: deque[float] = deque()
        self._sorted: list[float] = []

    def learn(self, duration_s: float) -> None:
        self._arrived.append(duration_s)
        insort(self._sorted, duration_s)
        if len(self._arrived) > self._size:
            del self._sorted[bisect_left(self._sorted, self._arrived.popleft())]


class RollingQuantile(_Window):
    """The quantile of the last 500 durations."""

    def __init__(self, quantile: float, before: float) -> None:
        super().__init__(ROLLING_CALLS)
        self._quantile, self._before = quantile, before

    def timeout_s(self) -> float:
        return best_constant(self._sorted, self._quantile) if self._sorted else self._before


class Gateway(_Window):
    """The old gateway's: P95 of the last 100 less their top 1 %, and 30 s or 20 % more.

    It is never below the provider's base, and never above twice the last answer.
    """

    def __init__(self, base_s: float) -> None:
        super().__init__(_GATEWAY_CALLS)
        self._base = base_s
        self._last: float | None = None

    def timeout_s(self) -> float:
        wanted = self._base
        if self._sorted:
            kept = self._sorted[: max(1, int(len(self._sorted) * 0.99))]
            p95 = best_constant(kept, 0.95)
            wanted = max(self._base, p95 + max(_GATEWAY_LEAST_EXTRA_S, 0.2 * p95))
        self._last = wanted if self._last is None else min(wanted, 2.0 * self._last)
        return self._last


def best_constant(ordered: Sequence[float], quantile: float) -> float:
    """Of ascending values that which has the least pinball loss: the smallest that `quantile` do not exceed."""
    return ordered[max(0, ceil(quantile * len(ordered)) - 1)]
