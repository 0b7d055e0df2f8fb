"""How many requests are inside each layer now."""

from __future__ import annotations

import threading
from typing import Any

from exporter.client.forks import begin_in_every_process
from exporter.client.plain_data import name
from exporter.client.recorder import harmless, nothing

_MOST_LAYERS = 64


class InFlight:
    """Counts by layer, from any thread; the values of a gauge event of subject `request`."""

    subject = "request"

    def __init__(self) -> None:
        self._members: dict[str, set[object]] = {}
        begin_in_every_process(self)

    def begin(self) -> None:
        """Nothing is inside."""
        self._lock = threading.RLock()
        self._counts: dict[str, int] = {}
        for members in self._members.values():
            members.clear()

    def members(self, layer: str) -> set[object]:
        """What is inside a layer, to add to and to discard from: faster than `entered` and `left`."""
        return self._members.setdefault(layer, set())

    @harmless(nothing)
    def entered(self, layer: str) -> None:
        """One more; of more than 64 layers the later ones are left out."""
        self._step(name(layer), 1)

    @harmless(nothing)
    def left(self, layer: str) -> None:
        """One less, never below 0: a forked child leaves what its parent entered."""
        self._step(name(layer), -1)

    def values(self) -> dict[str, Any]:
        """The counts, those that have fallen to 0 included."""
        with self._lock:
            counts = dict(self._counts)
        for layer, members in list(self._members.items()):
            counts[layer] = counts.get(layer, 0) + len(members)
        return {"in_flight": counts}

    def _step(self, layer: str, by: int) -> None:
        with self._lock:
            inside = self._counts.get(layer, 0) + by
            if inside >= 0 and (layer in self._counts or len(self._counts) < _MOST_LAYERS):
                self._counts[layer] = inside
