"""Pushes an application's events in the background: the application never waits, and never hears of a failure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from exporter.client.delivery import Delivery
from exporter.client.http_peer import HttpPeer
from exporter.client.ids import ids
from exporter.client.outbox import Outbox, close_all

__all__ = ["MOST_AT_ONCE", "Transport", "close_all"]

MOST_AT_ONCE = 500
"""Events of one push."""


_as_json = json.JSONEncoder(allow_nan=False).encode
_UNCHANGING = frozenset((str, int, float, bool, type(None)))

Event = Mapping[str, Any]
Waiting = Event | Callable[[], Event] | bytes
"""A copy of an event, who makes it, or its JSON."""


class Transport(Outbox[Waiting]):
    """An outbox of events, which it pushes as JSON."""

    def __init__(
        self,
        to: HttpPeer | Delivery,
        *,
        capacity: int = 10_000,
        at_once: int = MOST_AT_ONCE,
        every_s: float = 1.0,
    ) -> None:
        delivery = Delivery(to) if isinstance(to, HttpPeer) else to
        super().__init__(delivery, capacity=capacity, at_once=at_once, every_s=every_s, write=_written)

    def put(self, event: Event) -> None:
        """Leaves an event as it is now; one without an `event_id` gets one, so that no repeat counts twice."""
        self.leave(_kept(event))


def _kept(event: Event) -> Event | bytes | None:
    """What stays as it is: a copy of plain values, or JSON of those that their owner may change."""
    try:
        copy = dict(event)
        return copy if _UNCHANGING.issuperset(map(type, copy.values())) else _written(copy)
    except Exception:
        return None


def _written(waiting: Waiting) -> bytes | None:
    if isinstance(waiting, bytes):
        return waiting
    try:
        event = waiting() if callable(waiting) else waiting
        return _as_json({"event_id": ids.hexadecimal(32), **event}).encode()
    except Exception:
        return None
