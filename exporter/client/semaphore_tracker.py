"""The slots of a gateway's semaphores, in the shape of its dashboard's frames."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from exporter.client.forks import begin_in_every_process
from exporter.client.plain_data import count
from exporter.client.recorder import harmless, nothing
from exporter.client.trackers import MOST_NAMES


class SemaphoreTracker:
    """Slots in use, by port and by provider of a port (`8079_KIMI`)."""

    subject = "semaphore"

    def __init__(self) -> None:
        self._limits: dict[str, dict[str, int]] = {"ports": {}, "providers": {}}
        begin_in_every_process(self)

    def begin(self) -> None:
        """Every slot is free."""
        self._lock = threading.RLock()
        self._used: dict[str, dict[str, int]] = {kind: dict.fromkeys(self._limits[kind], 0) for kind in self._limits}
        self._leaks = 0

    @harmless(nothing)
    def limit(self, port: int | str, limit: int, provider: str | None = None) -> None:
        """Tells a semaphore that there is; of more than 64 of a kind the later ones are left out."""
        kind, name = _semaphore(port, provider)
        with self._lock:
            if name in self._limits[kind] or len(self._limits[kind]) < MOST_NAMES:
                self._limits[kind][name] = count(limit)
                self._used[kind].setdefault(name, 0)

    def acquired(self, port: int | str, provider: str | None = None) -> None:
        """A slot is taken; of a semaphore that nobody told, nothing is."""
        self._add(1, port, provider)

    def released(self, port: int | str, provider: str | None = None) -> None:
        """A slot is given back."""
        self._add(-1, port, provider)

    @harmless(nothing)
    def leaked(self, slots: int = 1) -> None:
        """Slots were never given back."""
        with self._lock:
            self._leaks += count(slots)

    @contextmanager
    def held(self, port: int | str, provider: str | None = None) -> Iterator[None]:
        """The block holds a slot."""
        self.acquired(port, provider)
        try:
            yield
        finally:
            self.released(port, provider)

    def values(self) -> dict[str, Any]:
        """As §4 of the specification has them: `semaphore_metrics`."""
        with self._lock:
            slots = {kind: {name: self._slots(kind, name) for name in names} for kind, names in self._limits.items()}
            full = any(slot["available"] <= 0 for named in slots.values() for slot in named.values())
            health = "critical" if self._leaks else "warning" if full else "healthy"
            return {**slots, "total_leaks_detected": self._leaks, "health_status": health}

    def _slots(self, kind: str, name: str) -> dict[str, Any]:
        current, limit = self._used[kind][name], self._limits[kind][name]
        slots: dict[str, Any] = {"current": current, "limit": limit, "available": max(0, limit - current)}
        if kind == "ports":
            slots["usage_percent"] = 100 * current / limit if limit else 0.0
        return slots

    @harmless(nothing)
    def _add(self, slots: int, port: int | str, provider: str | None) -> None:
        kind, name = _semaphore(port, provider)
        with self._lock:
            if name in self._used[kind]:
                self._used[kind][name] = max(0, self._used[kind][name] + slots)


def _semaphore(port: int | str, provider: str | None) -> tuple[str, str]:
    return ("providers", f"{port}_{provider}") if provider else ("ports", str(port))
