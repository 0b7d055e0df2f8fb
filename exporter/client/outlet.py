"""Where ConnectionMonitor's events go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from exporter.client.outbox import Outbox
from exporter.client.receiver import Sent
from exporter.client.recorded import Recorded


class Outlet:
    """Where events go in the background; this one leads nowhere."""

    kind = "nowhere"
    capacity = 0
    breaker_state = "closed"

    def prepare(self) -> None:
        """Start what delivers events: events will come."""

    def put(self, event: Recorded) -> None:
        """Leaves an event to be delivered."""

    def tell_active(self, active: Mapping[str, int]) -> None:
        """Says how many connections of each type are open; where events carry that themselves, nothing more is sent."""

    def tally(self) -> Sent:
        """What has become of the events."""
        return Sent()

    def flush(self, within_s: float) -> bool:  # noqa: ARG002
        """Waits until all is delivered; False when that takes longer."""
        return True

    def close(self, within_s: float) -> None:
        """Delivers what waits, for so many seconds at most."""

    def history(self, connection_types: Iterable[str], since: float) -> list[dict[str, Any]]:  # noqa: ARG002
        """The events of these types that were kept since that Unix time, oldest first."""
        return []


class QueuedOutlet(Outlet):
    """An outlet with a bounded queue before it."""

    def __init__(self, outbox: Outbox[Any], capacity: int) -> None:
        self._outbox, self.capacity = outbox, capacity

    def prepare(self) -> None:
        self._outbox.prepare()

    def put(self, event: Recorded) -> None:
        try:
            self._put(event)
        except Exception:
            self._outbox.leave(None)

    def tally(self) -> Sent:
        return self._outbox.tally()

    def flush(self, within_s: float) -> bool:
        return self._outbox.flush(within_s)

    def close(self, within_s: float) -> None:
        self._outbox.close(within_s)

    def _put(self, event: Recorded) -> None:
        raise NotImplementedError
