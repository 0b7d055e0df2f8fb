"""What ConnectionMonitor keeps in memory: the running totals of each connection type, and the last events."""

from __future__ import annotations

import uuid
from collections import deque
from itertools import islice
from math import inf, nextafter
from typing import Any

from exporter.client.plain_data import amount, count, name, plain
from exporter.client.recorded import Caught, Recorded, failure_of

KEPT = 10_000
"""Events that are kept."""

MOST_TYPES = 1000
OTHER = "other"
"""The type of events whose own would be one too many."""

Arrived = tuple[float, Any, Any, Any, Any, Any, Any, Caught | None, Any]
"""An event as it was recorded: time, type, direction, script, function, size, response time, error, metadata."""

Step = tuple[float, Any, int]
"""One open connection more or less: time, type, 1 or -1."""

_CLOCK_STEP_S = 1.0
"""What a clock that is set back loses at least; threads that overtake each other differ by less."""

_BYTES = {
    "send": "total_sent_bytes",
    "outbound": "total_sent_bytes",
    "receive": "total_received_bytes",
    "inbound": "total_received_bytes",
}


class Totals:
    """The running totals of one connection type, named and ordered as the gateway writes them."""

    __slots__ = ("_timed", "now")

    def __init__(self, connection_type: str) -> None:
        self._timed = 0
        self.now: dict[str, Any] = {
            "connection_type": connection_type,
            "total_events": 0,
            "total_sent_bytes": 0,
            "total_received_bytes": 0,
            "total_errors": 0,
            "avg_response_time_ms": 0.0,
            "last_event_timestamp": None,
            "active_connections": 0,
        }

    def add(self, at: float, direction: str, size: int, response_ms: float | None) -> None:
        """Counts an event; the average is that of the events that are timed."""
        now = self.now
        now["total_events"] += 1
        now["last_event_timestamp"] = at
        if direction in _BYTES:
            now[_BYTES[direction]] += size
        elif direction == "error":
            now["total_errors"] += 1
        if response_ms is not None:
            self._timed += 1
            now["avg_response_time_ms"] += (response_ms - now["avg_response_time_ms"]) / self._timed


class Ledger:
    """Takes events one after the other; who shares it between threads locks it."""

    def __init__(self) -> None:
        self.active: dict[str, int] = {}
        self.last: deque[Recorded] = deque(maxlen=KEPT)
        self._totals: dict[str, Totals] = {}
        self._run, self._taken = uuid.uuid4().hex, 0
        self._latest = 0.0

    def take(self, arrived: Arrived) -> Recorded:
        """Counts and keeps an event, and gives it an id of its own."""
        at, connection_type, direction, script, function, given_size, given_ms, error, metadata = arrived
        key, direction = self._key(connection_type), name(direction)
        size, response_ms = count(given_size), amount(given_ms)
        totals = self._totals.get(key) or self._open(key)
        at = self._after_the_last(at)
        totals.add(at, direction, size, response_ms)
        self._taken += 1
        failure = error and failure_of(error)
        event_id = f"{self._run}-{self._taken:x}"
        event = Recorded(
            at, key, direction, name(script), name(function), size, response_ms, failure, plain(metadata), event_id,
            dict(totals.now),
        )  # fmt: skip
        self.last.append(event)
        return event

    def step(self, step: Step) -> None:
        """Counts an open connection; there are never less than none."""
        _, connection_type, by = step
        key = self._key(connection_type)
        if by > 0 or key in self.active:
            self.active[key] = max(0, self.active.get(key, 0) + by)
            if key in self._totals:
                self._totals[key].now["active_connections"] = self.active[key]

    def stats(self, connection_type: str) -> dict[str, Any]:
        """The totals of one type; empty if it has had no event."""
        return dict(self._totals[connection_type].now) if connection_type in self._totals else {}

    def types(self) -> list[str]:
        """The types that have had events, in the order of their first."""
        return list(self._totals)

    def newest(self, connection_type: str | None, limit: int) -> list[Recorded]:
        """The last events, newest first."""
        wanted = (event for event in reversed(self.last) if connection_type in (None, "", event.connection_type))
        return list(islice(wanted, max(0, limit)))

    def _after_the_last(self, at: float) -> float:
        """The time, moved on by as little as can be where the clock did not: sorted by it, events keep their order."""
        if 0 <= self._latest - at < _CLOCK_STEP_S:
            at = nextafter(self._latest, inf)
        self._latest = at
        return at

    def _key(self, connection_type: Any) -> str:
        """The type's name, or `other` where too many others are kept."""
        key = name(connection_type)
        if key in self._totals or key in self.active:
            return key
        return key if max(len(self._totals), len(self.active)) < MOST_TYPES else OTHER

    def _open(self, key: str) -> Totals:
        totals = self._totals[key] = Totals(key)
        totals.now["active_connections"] = self.active.get(key, 0)
        return totals
