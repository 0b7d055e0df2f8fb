"""The distribution of scores, as a histogram that forgets."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log

LOWEST, WIDTH, BINS = -8.0, 0.1, 480
_REMEMBERED = 20_000
_GROWTH = 1.0 / (1.0 - 1.0 / _REMEMBERED)
_TOO_LARGE = 1e15
_BEYOND = 0.15


@dataclass(slots=True)
class Scores:
    """Scores from -8 to 40 in bins of 0.1, each weighing 1/e of a new one after 20,000 more.

    A quantile is interpolated between bins over the logarithm of the tail's probability (tails are nearly straight
    there), and goes no more than 0.15 an e-fold, twice at most, beyond the highest score: nothing is known there.
    """

    bins: list[float] = field(default_factory=lambda: [0.0] * BINS)
    weight: float = 1.0
    total: float = 0.0
    top: int = 0
    """The highest bin that holds something."""

    def add(self, score: float) -> None:
        """Learns a score."""
        index = _bin(score)
        self.bins[index] += self.weight
        self.top = max(self.top, index)
        self.total += self.weight
        self._grow()

    def add_above(self, score: float, part: float) -> None:
        """Learns with a part of a score's weight that it is above this one: the bins above grow alike (Efron 1967)."""
        start = _bin(score) + 1
        above = sum(self.bins[start:])
        if above:
            weight = part * self.weight
            self.bins[start:] = [kept * (1.0 + weight / above) for kept in self.bins[start:]]
            self.total += weight

    def exceeded_by(self, share: float) -> float:
        """The score that this share (0…1) of the scores exceeds."""
        bins, index = self.bins, self.top
        wanted, above, higher = share * self.total, 0.0, index
        while index >= 0:
            weight = bins[index]
            if weight:
                if above + weight >= wanted:
                    return self._between(index, higher, above, weight, wanted)
                above += weight
                higher = index
            index -= 1
        return _middle(higher)

    def share_above(self, score: float) -> float:
        """The share (0…1) of the scores in the bins above this one's."""
        return sum(self.bins[_bin(score) + 1 :]) / self.total if self.total else 1.0

    @property
    def highest(self) -> float:
        """The highest score."""
        return _middle(self.top)

    def scaled(self, total: float) -> Scores:
        """The same distribution as if `total` scores had been learned."""
        factor = total / self.total if self.total else 0.0
        return Scores([weight * factor for weight in self.bins], 1.0, self.total * factor, self.top)

    def _between(self, index: int, higher: int, above: float, weight: float, wanted: float) -> float:
        if not above:
            return _middle(index) + _BEYOND * min(2.0, log(weight / wanted))
        part = log(wanted / above) / log((above + weight) / above)
        return _middle(higher) + max(0.0, part) * (_middle(index) - _middle(higher))

    def _grow(self) -> None:
        self.weight *= _GROWTH
        if self.weight > _TOO_LARGE:
            self.bins = [kept / self.weight for kept in self.bins]
            self.total /= self.weight
            self.weight = 1.0


def _bin(score: float) -> int:
    return max(0, min(BINS - 1, int((score - LOWEST) / WIDTH)))


def _middle(index: int) -> float:
    return LOWEST + WIDTH * (index + 0.5)
