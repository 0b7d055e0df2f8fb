"""Pushes an application's events in the background: the application never waits, and never hears of a failure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from exporter.client.delivery import Delivery
from exporter.client.http_peer import HttpPeer
from exporter.client.ids import ids
from exporter.client.outbox import Outbox, close_all

__all__ = ["MOST_AT_ONCE", "Transport", "close_all"]

MOST_AT_ONCE = 500
"""Events of one push."""


_as_json = json.JSONEncoder(allow_nan=False).encode


class Transport(Outbox[bytes]):
    """An outbox of events, which it pushes as JSON."""

    def __init__(
        self,
        to: HttpPeer | Delivery,
        *,
        capacity: int = 10_000,
        at_once: int = MOST_AT_ONCE,
        every_s: float = 0.5,
    ) -> None:
        delivery = Delivery(to) if isinstance(to, HttpPeer) else to
        super().__init__(delivery, capacity=capacity, at_once=at_once, every_s=every_s)

    def put(self, event: Mapping[str, Any]) -> None:
        """Leaves an event; one without an `event_id` gets one, so that no repeat counts twice."""
        self.leave(_written(event))


def _written(event: Mapping[str, Any]) -> bytes | None:
    try:
        return _as_json({"event_id": ids.hexadecimal(32), **event}).encode()
    except Exception:
        return None
