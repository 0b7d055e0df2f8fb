"""The WebSocket's health, and what the resilient socket on top of it exports of itself."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from exporter.demo.model_calls import around

_BUSY = ("messages.sent", "messages.queued", "messages.deduplicated", "connections.total")
_RARE = (
    "connections.failed",
    "connections.reconnections",
    "connections.timeouts",
    "messages.failed",
    "messages.expired",
    "queue.overflows",
    "retry.attempts",
    "retry.successes",
    "retry.failures",
    "port.reconnections",
    "port.timeout_warnings",
)
_RARE_EVERY = 6
_BREAKER = ("closed", "closed", "closed", "open", "half_open", "closed")
_QUEUE_LIMIT = 1000


class ResilientSocket:
    """A socket whose running totals all grow at least every sixth reading, and whose breaker trips."""

    def __init__(self, rng: Random, started: float) -> None:
        self._rng, self._started, self._readings = rng, started, 0
        self._totals: Counter[str] = Counter()
        self._state = "closed"

    def read(self, at: float, active: int) -> dict[str, Any]:
        """The values of a websocket gauge, one port's health and the export together."""
        self._grow()
        self._turn_breaker()
        self._readings += 1
        return {**self._health(at), **self._export(active)}

    def _grow(self) -> None:
        for name in _BUSY:
            self._totals[name] += self._rng.randint(1, 20)
        for place, name in enumerate(_RARE):
            self._totals[name] += (self._readings + place) % _RARE_EVERY == 0

    def _turn_breaker(self) -> None:
        state = _BREAKER[self._readings % len(_BREAKER)]
        if state != self._state:
            self._totals[f"breaker.{state}"] += 1
        self._state = state

    def _health(self, at: float) -> dict[str, Any]:
        ping_ms = around(self._rng, 12)
        return {
            "uptime_seconds": at - self._started,
            "current_ping_ms": round(ping_ms, 2),
            "avg_ping_ms": round(12 + self._rng.uniform(0, 3), 2),
            "p95_ping_ms": round(30 + self._rng.uniform(0, 10), 2),
            "reconnection_count": self._totals["port.reconnections"],
            "timeout_warnings": self._totals["port.timeout_warnings"],
            "status": "stale" if ping_ms > 40 else "connected",
        }

    def _export(self, active: int) -> dict[str, Any]:
        return {
            "connections": {**self._group("connections"), "active": active},
            "messages": self._group("messages"),
            "queue": {
                **self._group("queue"),
                "current_size": min(_QUEUE_LIMIT, round(around(self._rng, 20, 1))),
                "max_size": _QUEUE_LIMIT,
            },
            "retry": self._group("retry"),
            "circuit_breaker": {
                "state": self._state,
                "opens": self._totals["breaker.open"],
                "half_opens": self._totals["breaker.half_open"],
                "closes": self._totals["breaker.closed"],
            },
            "latency": {"average_send_ms": round(around(self._rng, 4, 0.2), 3)},
        }

    def _group(self, name: str) -> dict[str, int]:
        names = [known for known in (*_BUSY, *_RARE) if known.startswith(name + ".")]
        return {known.partition(".")[2]: self._totals[known] for known in names}
