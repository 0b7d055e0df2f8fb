"""Rows of the raw tables in PostgreSQL as canonical events.

The source hands each row over as a JSON object: one of `public.cache_metrics` as the canonical event that it is,
one of the other tables as what was reported, `{type, timestamp, source, data, event_id}`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Raw

from exporter.decode.conversations import hash_conversations
from exporter.decode.gateway_metrics import cache_operation, canonical, connection, gauge, performance, websocket_health
from exporter.decode.gateway_shapes import Reported
from exporter.decode.validate import refusal, times_are_valid
from exporter.events import KINDS, CacheEvent, Event
from exporter.types import Refused

CACHE_METRICS = "public.cache_metrics"

_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_operation = msgspec.json.Decoder(CacheEvent)
_reported = msgspec.json.Decoder(Reported)
_fields = msgspec.json.Decoder(dict[str, Raw])

_GAUGES = {"session_metrics": "session", "semaphore_metrics": "semaphore"}
"""What the gateway's own dashboard is sent, by the subject of a canonical gauge."""


def decode_row(table: str, row: bytes, now: float) -> Sequence[Event]:
    """The events that a row of that table stands for, read at `now` (Unix seconds).

    Raises:
        Refused: the row is none, or is of a type that nothing is counted of.
    """
    try:
        if table == CACHE_METRICS:
            events: Sequence[Event] = (_operation.decode(row),)
        else:
            events = _events(_reported.decode(row), now)
    except _UNREADABLE as error:
        raise refusal(error) from error
    for event in events:
        times_are_valid(event, now)
    hash_conversations(events)
    return events


def _events(reported: Reported, now: float) -> Sequence[Event]:
    handler = HANDLERS.get(reported.type)
    if handler is None:
        raise Refused("type", "unknown_kind", f"nothing is counted of {reported.type[:100]!r}")
    try:
        return handler(reported, now)
    except _UNREADABLE as error:
        raise refusal(error, within="data") from error


def _gauge(reported: Reported, now: float) -> Sequence[Event]:
    return gauge(reported, _GAUGES[reported.type], reported.data, now)


def _as_it_is(reported: Reported, now: float) -> Sequence[Event]:
    """A canonical event, dated by its row."""
    fields = _fields.decode(reported.data)
    own = {"kind": reported.type, "timestamp": reported.timestamp, "event_id": reported.event_id}
    return canonical({**fields, **own}, now)


HANDLERS: dict[str, Callable[[Reported, float], Sequence[Event]]] = {
    **dict.fromkeys(KINDS.values(), _as_it_is),
    **dict.fromkeys(_GAUGES, _gauge),
    **dict.fromkeys(("cache_hit", "cache_miss", "cache_set", "cache_evict", "cache_error"), cache_operation),
    "websocket_health": websocket_health,
    "connection_event": connection,
    "performance": performance,
}
"""How a row is decoded, by the `event_type` of a monitoring event or the `type` of a raw metric."""
