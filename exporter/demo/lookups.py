"""Operations on the simulated semantic cache."""

from __future__ import annotations

from random import Random

from exporter.demo.model_calls import around
from exporter.demo.shapes import CacheEvent, CacheOperation

IMPLEMENTATIONS = ("legacy", "new")
_HIT_RATIOS = {"legacy": 0.5, "new": 0.68}
_MEDIAN_MS = {"legacy": 9.0, "new": 3.5}
_FAILS_EVERY = 300
"""Look-ups of an implementation: less than what is an alert, and soon seen."""

_FIRST_FAILURE = {"legacy": 10, "new": 100}
"""The look-up that is the first to fail: at different times, so that the failures are seen to grow."""

_MOST_ENTRIES = 4000
_FEWEST_AT_START = 3600
"""Nearly full, as in the demo's past: an emptier cache evicts less."""


class SemanticCache:
    """Two implementations side by side, as during a migration: most look-ups go to the new one."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.entries = {name: rng.randrange(_FEWEST_AT_START, _MOST_ENTRIES) for name in IMPLEMENTATIONS}
        self._looked_up = {name: _FAILS_EVERY - _FIRST_FAILURE[name] for name in IMPLEMENTATIONS}

    def pick(self) -> str:
        """The implementation that serves the next request."""
        return self._rng.choices(IMPLEMENTATIONS, (1, 3))[0]

    def look_up(self, implementation: str, at: float, failure: str | None) -> CacheEvent:
        """A hit or a miss; an error where `failure` (of the Redis below) says so, and now and then anyway."""
        self._looked_up[implementation] += 1
        if failure or self._looked_up[implementation] % _FAILS_EVERY == 0:
            return self._failed(implementation, at, failure or "SerializationError: truncated entry")
        hit = self._rng.random() < _HIT_RATIOS[implementation]
        event = self._event("hit" if hit else "miss", implementation, at)
        similarity = self._rng.uniform(0.9, 1) if hit else self._rng.betavariate(5, 3) * 0.88
        event["similarity"] = round(similarity, 4)
        return event

    def keep(self, implementation: str, at: float) -> list[CacheEvent]:
        """Sets an answer; a full cache evicts one for it; another sometimes does, when one is too old."""
        self.entries[implementation] += 1
        events = [self._event("set", implementation, at)]
        if self.entries[implementation] > _MOST_ENTRIES or self._rng.random() < 0.3:
            self.entries[implementation] -= 1
            events.append(self._event("evict", implementation, at))
        return events

    def _failed(self, implementation: str, at: float, failure: str) -> CacheEvent:
        event = self._event("error", implementation, at)
        event["error_type"] = failure.partition(":")[0]
        event["error_message"] = failure
        return event

    def _event(self, operation: CacheOperation, implementation: str, at: float) -> CacheEvent:
        return {
            "kind": "cache",
            "operation": operation,
            "implementation": implementation,
            "timestamp": at,
            "cache_key": f"semantic:{self._rng.getrandbits(40):010x}",
            "response_time_ms": round(around(self._rng, _MEDIAN_MS[implementation]), 3),
            "cache_size": self.entries[implementation],
        }
