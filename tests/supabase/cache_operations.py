"""An hour of a cache's operations, and what they come to."""

from __future__ import annotations

import math
import random
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

from exporter import conventions as series
from exporter.client.cache_collector import CacheCollector

EVENTS = 100_000
OPERATIONS = ("hit", "hit", "hit", "miss", "set", "evict", "error")
IMPLEMENTATIONS = ("legacy", "new")
CAUSES = ("TimeoutError", "ConnectionError", "ValueError")
MINUTES = 60

Counts = Mapping[tuple[str, ...], float]
"""Values by labels."""


class Clock:
    """Lets an hour pass while the events are recorded, so that they fill its minutes."""

    def __init__(self) -> None:
        self._now = time.time() - MINUTES * 60
        self._step = MINUTES * 60 / EVENTS

    def __call__(self) -> float:
        self._now += self._step
        return self._now


class Recorded:
    """Operations, each with a duration of its own, and what they come to."""

    def __init__(self) -> None:
        chance = random.Random(5)
        self.operations = [
            (OPERATIONS[number % 7], IMPLEMENTATIONS[number % 2], round(chance.lognormvariate(2, 1), 3))
            for number in range(EVENTS)
        ]

    def into(self, collector: CacheCollector) -> None:
        """Hands them all to a collector."""
        for number, (operation, implementation, took_ms) in enumerate(self.operations):
            cause = CAUSES[number % 3] if operation == "error" else None
            collector.record(
                operation, f"key-{number}", implementation, took_ms, number % 5000,
                error_type=cause, error_message=cause and f"{cause}: number {number}",
            )  # fmt: skip

    def counts(self) -> Counts:
        """By implementation and operation."""
        return Counter((implementation, operation) for operation, implementation, _ in self.operations)

    def causes(self) -> Counts:
        """Errors by implementation and type."""
        return Counter(
            (implementation, CAUSES[number % 3])
            for number, (operation, implementation, _) in enumerate(self.operations)
            if operation == "error"
        )

    def buckets(self) -> Counts:
        """By implementation, operation and the upper bound of a bucket, each with those below it."""
        bounds = (*series.CACHE_RESPONSE.buckets, math.inf)
        found: dict[tuple[str, ...], float] = {}
        for operation, implementation, took_ms in self.operations:
            for bound in bounds[bisect_left(bounds, took_ms / 1000) :]:
                key = (implementation, operation, f"{bound:g}")
                found[key] = found.get(key, 0) + 1
        return found
