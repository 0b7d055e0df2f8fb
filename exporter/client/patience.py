"""How often a server that is away is asked again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

_chance = random.SystemRandom()
"""Draws nothing from what the application may have seeded, and nothing twice in a fork."""


class Backoff:
    """Pauses that double from `first_s` to `longest_s`, shortened by chance so that clients do not come all at once."""

    def __init__(self, first_s: float = 0.2, longest_s: float = 30.0) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self._failures = 0

    def failed(self) -> float:
        """Counts a failure; returns the seconds to wait."""
        whole = min(self._longest_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return whole * _chance.uniform(0.5, 1.0)


class Breaker:
    """Lets nobody ask for `pause_s` seconds once `most` questions in a row have failed, and then one at a time.

    It has no lock, which a fork could find held: of two that ask in the same instant both may be let through.
    """

    def __init__(self, most: int = 3, pause_s: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._pause_s, self._clock = most, pause_s, clock
        self._failures, self._closed_until = 0, 0.0

    @property
    def state(self) -> str:
        """`closed` while all may ask, `open` while nobody may, `half-open` when one may."""
        if self._failures < self._most:
            return "closed"
        return "open" if self._clock() < self._closed_until else "half-open"

    def allows(self) -> bool:
        """Whether to ask now; who is let through after a pause is alone until the pause has passed again."""
        if self._failures < self._most:
            return True
        if self._clock() < self._closed_until:
            return False
        self._closed_until = self._clock() + self._pause_s
        return True

    def succeeded(self) -> None:
        """An answer came."""
        self._failures = 0

    def failed(self) -> None:
        """None came."""
        self._failures += 1
        self._closed_until = self._clock() + self._pause_s
