"""The health of a gateway's WebSockets, in the shape of its dashboard's frames."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.client.forks import begin_in_every_process
from exporter.client.recorder import harmless, nothing
from exporter.client.trackers import MOST_NAMES
from exporter.types import Clock

_LAST_PINGS = 1000


@dataclass(slots=True)
class _Port:
    opened_at: float
    pings_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_LAST_PINGS))
    reconnections: int = 0
    warnings: int = 0
    status: str = "connected"

    def values(self, now: float) -> dict[str, Any]:
        values = {
            "uptime_seconds": max(0.0, now - self.opened_at),
            "reconnection_count": self.reconnections,
            "timeout_warnings": self.warnings,
            "status": self.status,
        }
        if self.pings_ms:
            ordered = sorted(self.pings_ms)
            values["current_ping_ms"] = self.pings_ms[-1]
            values["avg_ping_ms"] = math.fsum(ordered) / len(ordered)
            values["p95_ping_ms"] = ordered[math.ceil(0.95 * len(ordered)) - 1]
        return values


class WebSocketTracker:
    """Pings, reconnections and state of each port; of more than 64 ports the later ones are left out.

    `export` reads a resilient socket's own totals (`connections`, `messages`, `queue`, `retry`, `circuit_breaker`,
    `latency`), which are sent as they are.
    """

    subject = "websocket"

    def __init__(self, export: Callable[[], Mapping[str, Any]] | None = None, clock: Clock = time.monotonic) -> None:
        self._export, self._clock = export, clock
        begin_in_every_process(self)

    def begin(self) -> None:
        """No port is known."""
        self._lock = threading.RLock()
        self._ports: dict[str, _Port] = {}

    @harmless(nothing)
    def opened(self, port: int | str) -> None:
        """A port's socket is connected; one that was so before has reconnected."""
        with self._lock:
            known = self._ports.get(str(port))
            if known:
                known.reconnections += 1
                known.opened_at, known.status = self._clock(), "connected"
            elif len(self._ports) < MOST_NAMES:
                self._ports[str(port)] = _Port(self._clock())

    @harmless(nothing)
    def pinged(self, port: int | str, milliseconds: float) -> None:
        """A ping was answered after so long; that of a port that was never opened is left out."""
        with self._lock:
            known = self._ports.get(str(port))
            if known and 0 <= milliseconds < math.inf:
                known.pings_ms.append(milliseconds)
                known.status = "connected"

    @harmless(nothing)
    def timeout_warned(self, port: int | str) -> None:
        """A ping came close to its timeout."""
        with self._lock:
            if known := self._ports.get(str(port)):
                known.warnings += 1

    @harmless(nothing)
    def stale(self, port: int | str) -> None:
        """A port's socket answers no more."""
        with self._lock:
            if known := self._ports.get(str(port)):
                known.status = "stale"

    @harmless(nothing)
    def closed(self, port: int | str) -> None:
        """A port is no longer served."""
        with self._lock:
            self._ports.pop(str(port), None)

    def values(self) -> dict[str, Any]:
        """As §4 of the specification has them: `websocket_health`, and the socket's own export."""
        with self._lock:
            ports = {port: known.values(self._clock()) for port, known in self._ports.items()}
        return {**self._exported(), **({"ports": ports} if ports else {})}

    @harmless(dict)
    def _exported(self) -> dict[str, Any]:
        return dict(self._export()) if self._export else {}
