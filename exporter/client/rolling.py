"""How well the last predictions fit what came of them.

Mean absolute error: MAE = Σ|yᵢ − ŷᵢ| / n. Coefficient of determination: R² = 1 − Σ(yᵢ − ŷᵢ)² / Σ(yᵢ − ȳ)², the
first of the eight that Kvålseth tells apart and the one that he recommends (The American Statistician 39:4, 1985,
"Cautionary Note about R²"). It is 1 for a perfect model, 0 for one that is as good as the mean ȳ of the outcomes,
negative for a worse one, and undefined where all outcomes are equal.
"""

from __future__ import annotations

from collections import deque

_LARGEST = 1e15


class RollingFit:
    """The sums over the last `window` pairs of prediction ŷ and outcome y."""

    def __init__(self, window: int = 1000) -> None:
        self._pairs: deque[tuple[float, float]] = deque(maxlen=max(1, window))
        self._origin = 0.0
        self._added = 0
        self._recount()

    def __len__(self) -> int:
        return len(self._pairs)

    def add(self, predicted: float, actual: float) -> None:
        """Takes a pair; where the window is full, the oldest goes."""
        full = len(self._pairs) == self._pairs.maxlen
        if full:
            self._sum(self._pairs[0], -1)
        self._pairs.append((predicted, actual))
        self._added += 1
        if self._added >= len(self._pairs):
            self._recount()
        else:
            self._sum((predicted, actual), 1)

    @property
    def mae(self) -> float | None:
        """In the unit of the model; None before there was a pair."""
        return max(0.0, self._errors) / len(self._pairs) if self._pairs else None

    @property
    def r2(self) -> float | None:
        """None where it is undefined: fewer than two pairs, or all outcomes equal."""
        if len(self._pairs) < 2 or self._lowest_equals_highest():
            return None
        scatter = self._squares - self._outcomes**2 / len(self._pairs)
        if scatter <= 0:
            return None
        return max(-_LARGEST, 1 - max(0.0, self._squared_errors) / scatter)

    def _lowest_equals_highest(self) -> bool:
        first = self._pairs[0][1]
        return all(actual == first for _, actual in self._pairs)

    def _recount(self) -> None:
        """Sums anew, around a new mean: what rounding had added to the running sums goes."""
        self._added = 0
        self._errors = self._squared_errors = self._outcomes = self._squares = 0.0
        if self._pairs:
            self._origin = sum(actual for _, actual in self._pairs) / len(self._pairs)
        for pair in self._pairs:
            self._sum(pair, 1)

    def _sum(self, pair: tuple[float, float], sign: int) -> None:
        predicted, actual = pair
        error, outcome = predicted - actual, actual - self._origin
        self._errors += sign * abs(error)
        self._squared_errors += sign * error * error
        self._outcomes += sign * outcome
        self._squares += sign * outcome * outcome
