"""Reads what is asked of the auditor: filters of a query, and the body of an acknowledgement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from exporter.conventions import is_printable
from exporter.decode.validate import refusal
from exporter.types import Refused

_Name = Annotated[str, Meta(max_length=1024)]


class Filters(Struct, frozen=True, forbid_unknown_fields=True):
    """Which observations are asked for; None: whatever they are."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    """At most so many, the newest."""
    severity: Literal["info", "warning", "critical"] | None = None
    category: Literal["performance", "reliability", "capacity", "anomaly"] | None = None
    acknowledged: bool | None = None
    open: bool | None = None
    """Whether they last."""
    subject: _Name | None = None
    metric_name: _Name | None = None
    """The alert's name."""


class Acknowledgement(Struct, frozen=True, forbid_unknown_fields=True):
    """Who has seen an observation, what they say to it, and for how long they want to hear no more of it."""

    who: Annotated[str, Meta(min_length=1, max_length=128)] = "admin"
    note: Annotated[str, Meta(max_length=1000)] = ""
    minutes: Annotated[float, Meta(ge=0, le=7 * 24 * 60)] = 60
    """0: no silence."""
    id: Annotated[str, Meta(max_length=64)] = ""
    """The observation, where the path does not name it."""


_decoder = msgspec.json.Decoder(Acknowledgement)


def read_filters(query: Mapping[str, str]) -> Filters:
    """The filters of a query.

    Raises:
        Refused: names the parameter.
    """
    try:
        return msgspec.convert(dict(query), Filters, strict=False)
    except msgspec.ValidationError as error:
        raise refusal(error) from None


def read_acknowledgement(body: bytes) -> Acknowledgement:
    """The body of an acknowledgement.

    Raises:
        Refused: names the field.
    """
    try:
        asked = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refusal(error) from None
    if not is_printable(asked.who) or not asked.who.strip():
        raise Refused("who", "unknown_value", "not 1 to 128 printable characters")
    return asked
