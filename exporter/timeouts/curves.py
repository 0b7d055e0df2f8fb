"""A quantity as a curve over a number of tokens, learned one call at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log2

KNOTS = 25
"""Powers of two from 1 to 2^24 tokens; the last slot is for calls whose tokens are unknown."""
_LAST = KNOTS - 2
UNKNOWN = KNOTS


def place(tokens: int | None) -> tuple[int, int, float]:
    """The two knots around a number of tokens, and the share of the upper one."""
    if tokens is None or tokens < 0:
        return UNKNOWN, UNKNOWN, 0.0
    position = log2(tokens + 1)
    knot = int(position)
    return (knot, knot + 1, position - knot) if knot <= _LAST else (_LAST, _LAST + 1, 1.0)


@dataclass(slots=True)
class Curve:
    """Piecewise linear over log2(tokens + 1), each knot with the number of calls that it was learned from.

    Learning is stochastic gradient descent on the squared error with a rate of 1 / (calls + 3) a knot, which
    falls no lower than 1 / `most`: a least-squares fit that forgets.
    """

    most: float
    values: list[float] = field(default_factory=lambda: [0.0] * (KNOTS + 1))
    weights: list[float] = field(default_factory=lambda: [0.0] * (KNOTS + 1))

    def at(self, low: int, high: int, share: float) -> float:
        """The value between two knots; where a knot has learned nothing, its nearest neighbour answers."""
        weights, values = self.weights, self.values
        if weights[low] and weights[high]:
            return values[low] + share * (values[high] - values[low])
        return (1.0 - share) * values[self._known(low)] + share * values[self._known(high)]

    def learn(self, low: int, high: int, share: float, error: float) -> None:
        """Moves the curve at this place by a part of the error (observed minus `at`)."""
        if share < 1.0:
            self._move(low, 1.0 - share, error)
        if share > 0.0:
            self._move(high, share, error)

    def _move(self, knot: int, part: float, error: float) -> None:
        weight = self.weights[knot]
        if not weight:
            self.values[knot] = self.values[self._known(knot)]
        weight = min(self.most, weight + part)
        self.weights[knot] = weight
        self.values[knot] += error * part / (weight + 3.0)

    def _known(self, knot: int) -> int:
        weights = self.weights
        if weights[knot]:
            return knot
        known = [other for other in range(KNOTS) if weights[other]] or [UNKNOWN]
        if knot == UNKNOWN:
            return max(known, key=weights.__getitem__)
        return min(known, key=lambda other: abs(other - knot))
