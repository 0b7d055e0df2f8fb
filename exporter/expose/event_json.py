"""Recent events as JSON, without secrets and private content."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import msgspec

from exporter.events import KINDS, Event, Reading
from exporter.fold.recent import Entry
from exporter.fold.series_labels import labels_of
from exporter.fold.spool import LONGEST_TEXT, TEXTS
from exporter.gauge_values import SUBJECTS
from exporter.masking import mask
from exporter.redaction import redact, redact_item, redact_quoted
from exporter.types import Rejection

_SHORT = 256
_mask_short = lru_cache(10_000)(mask)


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return an entry as the API shows it."""
    head = {
        "sequence": entry.sequence,
        "received": entry.received,
        "source": entry.source,
        "outcome": entry.outcome.value,
    }
    if isinstance(entry.event, Rejection):
        return head | _rejection_json(entry.event)
    labels = masked(labels_of(entry.event))
    return head | {"kind": KINDS[type(entry.event)], "labels": labels, "event": canonical(entry.event)}


def canonical(event: Event) -> dict[str, Any]:
    """Return the event as it could be pushed again: fields without a value are left out, secrets are masked."""
    fields: dict[str, Any] = msgspec.to_builtins(event)
    if isinstance(event, Reading):
        fields = {"kind": "gauge", "subject": SUBJECTS[type(event.values)], **fields}
    texts = {name: redact(fields.pop(name)[:LONGEST_TEXT]) for name in TEXTS if fields.get(name)}
    shown: dict[str, Any] = masked(fields) | texts
    if event.event_id is not None and shown["event_id"] != event.event_id:
        # Two ids that are masked to the same text would count as one event when they are pushed again.
        shown["event_id"] = hashlib.blake2b(event.event_id.encode(), digest_size=16).hexdigest()
    return shown


def masked(value: Any) -> Any:
    """Return the value with secrets masked in every text, and without fields that are None."""
    if isinstance(value, str):
        return _mask_short(value) if len(value) <= _SHORT else mask(value[:LONGEST_TEXT])
    if isinstance(value, dict):
        return {masked(key): masked(inside) for key, inside in value.items() if inside is not None}
    return [masked(inside) for inside in value] if isinstance(value, list) else value


def _rejection_json(rejection: Rejection) -> dict[str, Any]:
    return {
        "reason": rejection.reason,
        "field": masked(rejection.field),
        "message": redact(redact_quoted(rejection.message)),
        "item": masked(redact_item(rejection.item.decode(errors="replace"))),
    }
