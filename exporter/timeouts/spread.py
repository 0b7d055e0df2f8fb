"""How far durations lie apart, over tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

from exporter.timeouts.curves import Curve

_REMEMBERED = 2_000
_POOLED_CALLS = 300.0
_LARGEST = 2.0
_LEAST = 1e-4
_DECILES = (0.1, 0.5, 0.9)
_STEP = 0.05


@dataclass(slots=True)
class Spread:
    """The root of the mean squared residual above the location, as a curve that leans on the mean of all calls.

    A residual counts as 2, a factor of 7, at most (Huber 1964): the tail's own length is the scores' to tell.
    """

    squares: Curve = field(default_factory=lambda: Curve(_REMEMBERED))
    pooled: float = 0.25
    calls: int = 0
    deciles: list[float] = field(default_factory=lambda: [-1.0, -0.3, 1.0])
    """Scores below which 10, 50 and 90 % of the calls end, by stochastic approximation (Robbins and Monro 1951)."""

    def at(self, low: int, high: int, share: float) -> float:
        """The spread between two knots, in units of log(seconds)."""
        weights = self.squares.weights
        weight = weights[low] + share * (weights[high] - weights[low])
        square = weight * self.squares.at(low, high, share) + _POOLED_CALLS * self.pooled
        return sqrt(max(_LEAST, square / (weight + _POOLED_CALLS)))

    @property
    def usual(self) -> float:
        """The spread of all calls."""
        return sqrt(self.pooled)

    def learn(self, low: int, high: int, share: float, residual: float, score: float) -> None:
        """Learns a residual, and its score: the residual in spreads."""
        square = min(max(residual, 0.0), _LARGEST) ** 2
        self.squares.learn(low, high, share, square - self.squares.at(low, high, share))
        self.calls += 1
        self.pooled = max(_LEAST, self.pooled + (square - self.pooled) / min(self.calls + 20, _REMEMBERED))
        step = max(_STEP, 1.0 / self.calls)
        self.deciles = [
            decile + step * (quantile - (score < decile))
            for decile, quantile in zip(self.deciles, _DECILES, strict=True)
        ]
