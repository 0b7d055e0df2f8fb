"""GET /api/v1/events/recent: the newest events, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec
from flask import Flask, Response, request
from msgspec import Meta, Struct

from exporter.decode.validate import refusal
from exporter.expose.event_json import entry_json
from exporter.fold.recent import Entries
from exporter.json_routes import bad_body, refusal_of_caller
from exporter.types import Refused

MOST_AT_ONCE = 1000
"""Events of one response."""

_LARGEST_RESPONSE = 4 * 1024 * 1024
"""Bytes; a response ends behind the event that reaches them."""

_encode = msgspec.json.Encoder().encode

Read = Callable[[int, int], Entries]
"""Takes a sequence number and a limit."""


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters of the query."""

    after: Annotated[int, Meta(ge=0, le=2**53)] = 0
    """Only events with a higher sequence number."""
    limit: Annotated[int, Meta(ge=0, le=MOST_AT_ONCE)] = 100
    boot: Annotated[str, Meta(max_length=64)] = ""
    """The process that `after` is from; empty: this one."""


def add_recent_events(app: Flask, boot: str, read: Read, may_administer: Callable[[str], bool]) -> None:
    """Adds the route."""

    @app.get("/api/v1/events/recent")
    def recent_events() -> Response:
        refused = refusal_of_caller(may_administer, "admin")
        if refused is not None:
            return refused
        try:
            wanted = _parameters(request.args)
        except Refused as error:
            return bad_body(error)
        # A sequence number of another process means nothing here.
        after = wanted.after if wanted.boot in ("", boot) else 0
        return Response(_rendered(read(after, wanted.limit), after, boot), content_type="application/json")


def _parameters(given: Mapping[str, str]) -> Parameters:
    try:
        return msgspec.convert(dict(given), Parameters, strict=False)
    except msgspec.ValidationError as error:
        raise refusal(error) from None


def _rendered(found: Entries, after: int, boot: str) -> bytes:
    events: list[msgspec.Raw] = []
    last, size = after + found.missed, 0
    for entry in found.entries:
        encoded = _encode(entry_json(entry))
        events.append(msgspec.Raw(encoded))
        last, size = entry.sequence, size + len(encoded)
        if size >= _LARGEST_RESPONSE:
            break
    return _encode({"boot": boot, "events": events, "next": last, "missed": found.missed, "newest": found.newest})
