"""Reads a trace: canonical events, or members of a gateway's Redis, one a line."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from operator import attrgetter
from typing import Any

from exporter.decode.canonical import decode
from exporter.replay import canonical
from exporter.types import Clock

_AT_ONCE = 1000


class BadTrace(ValueError):
    """A line is not an event, or there is none; the text says which."""


def read(lines: Iterable[bytes], clock: Clock) -> list[Any]:
    """The events of the lines, as the exporter would fold them, in the order in which they happened.

    Raises:
        BadTrace: a line is no event, or there is no line.
    """
    numbered = enumerate(lines, 1)
    events: list[Any] = []
    while chunk := list(islice(numbered, _AT_ONCE)):
        events += _decoded(chunk, clock)
    if not events:
        raise BadTrace("there is no event in it")
    return sorted(events, key=attrgetter("timestamp"))


def _decoded(chunk: list[tuple[int, bytes]], clock: Clock) -> list[Any]:
    rows = [(number, row) for number, line in chunk for row in canonical(line, clock).splitlines()]
    found = decode(b"\n".join(row for _, row in rows), clock(), ndjson=True)
    for rejection in found.rejections:
        field = f" field {rejection.field}:" if rejection.field else ""
        raise BadTrace(f"line {rows[rejection.index][0]}:{field} {rejection.message}")
    return list(found.events)
