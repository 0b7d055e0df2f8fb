"""Reads the body of POST /api/v1/alerts/configure: one change, or a list of them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from exporter.conventions import is_printable
from exporter.decode.validate import refusal
from exporter.events import Amount
from exporter.thresholds.shipped import Scoped, Shipped, Steps, Text, check_scope, check_steps, check_value
from exporter.types import Refused


class Asked(Scoped, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One change: a value, steps of load, on or off, or `reset` to what is shipped."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    value: Amount | None = None
    per_rate: Steps | None = None
    enabled: bool | None = None
    reset: bool = False
    note: Text = ""
    who: Annotated[str, Meta(max_length=128)] = "admin"


_Many = Annotated[list[Asked], Meta(min_length=1, max_length=100)]
_decoder = msgspec.json.Decoder(Asked | _Many)


def read_changes(body: bytes, shipped: Shipped) -> list[Asked]:
    """What the body asks for, all of it usable.

    Raises:
        Refused: names the field; nothing is to be changed.
    """
    try:
        asked = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refusal(error) from None
    changes = asked if isinstance(asked, list) else [asked]
    for change in changes:
        _check(change, shipped)
    keys = [(change.name, change.scope) for change in changes]
    if len(set(keys)) < len(keys):
        raise Refused("name", "unknown_value", "one threshold of one subject is changed twice")
    return changes


def _check(change: Asked, shipped: Shipped) -> None:
    threshold = shipped.get(change.name)
    if threshold is None:
        raise Refused("name", "unknown_value", f"no such threshold; there are {', '.join(shipped)}")
    check_scope("", change.name, change, threshold)
    given = any(each is not None for each in (change.value, change.per_rate, change.enabled))
    if given == change.reset:
        raise Refused("value", "missing_field", "give value, per_rate or enabled, or some of them; or reset alone")
    check_value("value", change.value or 0, threshold)
    check_steps("per_rate", change.name, change.per_rate or (), threshold)
    if change.per_rate and not any(change.scope):
        raise Refused("per_rate", "unknown_value", "name the subject whose operations a second count")
    if not (is_printable(change.who) and change.who):
        raise Refused("who", "unknown_value", "not 1 to 128 printable characters")
