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
        begin_in_every_process(self)

    def begin(self) -> None:
        """Nothing is inside."""
        self._lock = threading.RLock()
        self._counts: dict[str, int] = {}

    @harmless(nothing)
    def entered(self, layer: str) -> None:
        """One more; of more than 64 layers the later ones are left out."""
        self.step(name(layer), 1)

    @harmless(nothing)
    def left(self, layer: str) -> None:
        """One less, never below 0: a forked child leaves what its parent entered."""
        self.step(name(layer), -1)

    def step(self, layer: str, by: int) -> None:
        """The same for a layer that is known to be a short text, which is faster."""
        with self._lock:
            inside = self._counts.get(layer, 0) + by
            if inside >= 0 and (layer in self._counts or len(self._counts) < _MOST_LAYERS):
                self._counts[layer] = inside

    def values(self) -> dict[str, Any]:
        """The counts, those that have fallen to 0 included."""
        with self._lock:
            return {"in_flight": dict(self._counts)}
