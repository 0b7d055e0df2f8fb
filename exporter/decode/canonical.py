"""The canonical events: a JSON object, an array of them, or one a line (NDJSON)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Raw

from exporter.decode.conversations import hash_conversations
from exporter.decode.model_calls import derived_call
from exporter.decode.reported_errors import read_error
from exporter.decode.split import Unbalanced, array_items
from exporter.decode.validate import DAY, refusal, times_are_valid
from exporter.events import ConnectionEvent, Event, GaugeEvent, Reading, TraceEvent, WireEvent
from exporter.gauge_values import BY_SUBJECT, WebsocketValues
from exporter.types import Decoded, Refused, Rejection

_one = msgspec.json.Decoder(WireEvent)
_one_connection = msgspec.json.Decoder(ConnectionEvent)
_many = msgspec.json.Decoder(list[WireEvent])
_many_connections = msgspec.json.Decoder(list[ConnectionEvent])
_values = {subject: msgspec.json.Decoder(shape) for subject, shape in BY_SUBJECT.items()}
_encode = msgspec.json.Encoder().encode
_anything = msgspec.json.Decoder(dict[str, Raw])
_port = msgspec.json.Decoder(WebsocketValues)

_NEEDS_A_LOOK = {GaugeEvent, TraceEvent}
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_timestamp = attrgetter("timestamp")


def decode(body: bytes, now: float, *, ndjson: bool = False, most: int = 10_000) -> Decoded:
    """Decodes a body that arrived at `now` (Unix seconds); a bad event never rejects its neighbours.

    The model calls that connection events describe are added as events of their own.

    Raises:
        Refused: the body as a whole is not JSON, or holds more than `most` events.
    """
    events = _decode_whole(body, ndjson)
    if events is None:
        return _without_private(_examine(_bounded(list(islice(_items(body, ndjson), most + 1)), most), now))
    _bounded(events, most)
    return _without_private(Decoded(events) if _are_plain(events, now) else _examine(events, now))


def _without_private(decoded: Decoded) -> Decoded:
    """Read what is needed of the metadata and drop it, and hash the ids of conversations."""
    hash_conversations(decoded.events)
    return _with_metadata_read(decoded)


def _with_metadata_read(decoded: Decoded) -> Decoded:
    """Read the errors and add the model calls that connection events describe in metadata, and drop the metadata."""
    described = [event for event in decoded.events if type(event) is ConnectionEvent and event.metadata is not None]
    if not described:
        return decoded
    calls = []
    for event in described:
        read_error(event, event.metadata)
        if call := derived_call(event, event.metadata):
            calls.append(call)
        event.metadata = None
    return Decoded([*decoded.events, *calls], decoded.rejections, len(calls))


def _decode_whole(body: bytes, ndjson: bool) -> list[Any] | None:
    """All events at once, or None where one of them (or a missing `kind` among others) forbids that."""
    ways = (_one.decode_lines, _one_connection.decode_lines) if ndjson else (_many.decode, _many_connections.decode)
    for way in ways:
        try:
            return way(body)
        except _UNREADABLE:
            continue
    return None


def _are_plain(events: list[Any], now: float) -> bool:
    """Whether nothing is left to look at: all times are past, and no event has an inside of its own."""
    if not events:
        return True
    return _NEEDS_A_LOOK.isdisjoint(map(type, events)) and max(map(_timestamp, events)) <= now + DAY


def _bounded(items: list[Any], most: int) -> list[Any]:
    if len(items) > most:
        raise Refused("", "too_many", f"a batch holds {most} events at most")
    return items


def _items(body: bytes, ndjson: bool) -> Iterable[bytes]:
    if ndjson:
        return (line for line in body.splitlines() if line.strip())
    stripped = body.strip()
    if stripped.startswith(b"{"):
        return (stripped,)
    return _array(stripped)


def _array(body: bytes) -> Iterator[bytes]:
    try:
        yield from array_items(body)
    except Unbalanced as error:
        raise Refused("", "malformed", f"JSON is malformed: {error}") from error


def _examine(items: Iterable[Any], now: float) -> Decoded:
    """Takes events, or the bytes of events, one by one."""
    events: list[Event] = []
    rejections: list[Rejection] = []
    for index, item in enumerate(items):
        try:
            event = _read(_decode_one(item) if isinstance(item, bytes) else item)
            times_are_valid(event, now)
        except (Refused, *_UNREADABLE) as error:
            rejections.append(refusal(error).at(index, item if isinstance(item, bytes) else _encode(item)))
        else:
            events.append(event)
    return Decoded(events, rejections)


def _decode_one(item: bytes) -> Any:
    try:
        return _one.decode(item)
    except msgspec.ValidationError as error:
        if "missing required field `kind`" not in str(error):
            raise
        return _one_connection.decode(item)


def _read(event: Any) -> Event:
    if not isinstance(event, GaugeEvent):
        return event  # type: ignore[no-any-return]
    try:
        values = _values[event.subject].decode(event.values)
        if values == WebsocketValues():
            values = WebsocketValues(ports=_ports(event.values))
    except _UNREADABLE as error:
        raise refusal(error, within="values") from error
    return Reading(event.instance, event.timestamp, values, event.event_id)


def _ports(values: Raw) -> dict[str, WebsocketValues]:
    """A socket's health by port, where the ports themselves are the keys."""
    return {name: _port.decode(health) for name, health in _anything.decode(values).items() if name.isdecimal()}
