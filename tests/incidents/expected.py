"""Numbers that agree with the truth."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tests.incidents.truth import Fields, Window

RATE_TOLERATED, RATIO_TOLERATED = 0.05, 0.02

SCRAPE_S = 5
"""Seconds between two scrapes, and between two evaluations of the rules."""

_RANK_TOLERATED = 0.01

Labels = frozenset[tuple[str, str]]


class Expected(Protocol):
    """A number that is known."""

    def agrees(self, shown: float) -> bool:
        """Return whether a shown value tells the truth."""


Rows = Mapping[Labels, Expected]
"""Every series that a question answers with."""


@dataclass(frozen=True)
class Within:
    """From the one to the other."""

    low: float
    high: float

    def agrees(self, shown: float) -> bool:
        """Return whether it lies there, but for what floats lose."""
        return self.low - 1e-9 * abs(self.low) - 1e-12 <= shown <= self.high + 1e-9 * abs(self.high) + 1e-12


@dataclass(frozen=True)
class OneOf:
    """One of several values: a scrape has read one of them."""

    values: frozenset[float]

    def agrees(self, shown: float) -> bool:
        """Return whether it was one of them."""
        return any(math.isclose(shown, value, rel_tol=1e-9, abs_tol=1e-9) for value in self.values)


@dataclass(frozen=True)
class Maybe:
    """A number that may be missing, since it is of few events at the edge of the window."""

    value: Expected

    def agrees(self, shown: float) -> bool:
        """Return whether a shown value tells the truth."""
        return self.value.agrees(shown)


def one_of(values: Iterable[float]) -> Expected:
    """Return what agrees with each of the values."""
    return OneOf(frozenset(float(value) for value in values))


def around(value: float, tolerated: float) -> Expected:
    """Return what agrees with a value, and with all that differ from it by no more than that."""
    return Within(value - tolerated, value + tolerated)


def rate(amount: float, window: Window, largest: float = 1, times: float = 1) -> Expected:
    """Return how much of something there was a second, `times` which is shown.

    5 % is tolerated, and one event of the largest size: an event may reach the exporter just before a scrape or just
    after. Of a window that began before the gateway, Prometheus guesses what lies half a scrape before its first.
    """
    seconds = window.seconds if window.seconds > window.of_s - 2 * SCRAPE_S else window.of_s
    guessed = 0.0 if seconds == window.seconds else SCRAPE_S / window.seconds
    value = times * amount / seconds
    return around(value, value * (RATE_TOLERATED + guessed) + times * largest / seconds)


def ratio(part: float, whole: float) -> Expected:
    """Return the share that a part is of a whole, which is not nothing."""
    return around(part / whole, RATIO_TOLERATED)


def mean(values: Sequence[float]) -> Expected:
    """Return the mean of values."""
    value = sum(values) / len(values)
    return around(value, RATE_TOLERATED * value)


def quantile(q: float, values: Sequence[float], buckets: Sequence[float]) -> Expected:
    """Return what lies in the bucket of the true quantile; values within 1 % of its rank may be it."""
    low, high = (_ranked(values, q + differs) for differs in (-_RANK_TOLERATED, _RANK_TOLERATED))
    bounds = [0.0, *buckets]
    below = bisect_left(bounds, low) - 1
    above = bisect_left(bounds, high)
    return Within(bounds[max(0, below)], bounds[min(above, len(bounds) - 1)])


def _ranked(values: Sequence[float], q: float) -> float:
    return sorted(values)[min(len(values) - 1, max(0, math.ceil(q * len(values)) - 1))]


def seconds(events: Iterable[Fields], name: str = "duration_ms") -> list[float]:
    """Return how long events took."""
    return [event[name] / 1000 for event in events if event[name] is not None]


def alone(expected: Expected) -> Rows:
    """Return the rows of a question that answers with one number."""
    return {frozenset(): expected}


def by(label: str, rows: Mapping[str, Expected]) -> Rows:
    """Return the rows of a question that answers with a number for each value of a label."""
    return {frozenset({(label, value)}): expected for value, expected in rows.items()}
