"""What a replay has found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from exporter.alerts.replaying.intervals import Fired
from exporter.alerts.replaying.replay import Replayed
from exporter.alerts.table import table

_COLUMNS = ("severity", "service", "provider", "model")
_NOT_OWN = {"alertname", "category", *_COLUMNS}


def as_json(found: Replayed) -> dict[str, Any]:
    """Times are ISO 8601 in UTC; `to` is null where the alert had not ended."""
    return {
        "from": _moment(found.started),
        "to": _moment(found.ended),
        "events": found.events,
        "fired": [
            {"alert": each.name, "labels": dict(each.labels), "from": since, "to": until}
            for each in found.fired
            for since, until in [_span(found, each)]
        ],
    }


def as_lines(found: Replayed) -> Iterator[str]:
    """What was read, and a table of what fired."""
    yield f"{found.events} events from {_moment(found.started)} to {_moment(found.ended)}"
    rows = [_row(each, *_span(found, each)) for each in found.fired]
    yield from table(("from", "to", "alert", *_COLUMNS, "of"), rows) if rows else ["no alert fires"]


def _row(fired: Fired, since: str, until: str | None) -> tuple[str, ...]:
    own = ", ".join(f"{name}={value}" for name, value in sorted(fired.labels.items()) if name not in _NOT_OWN)
    return since, until or "not ended", fired.name, *(fired.labels[column] for column in _COLUMNS), own


def _span(found: Replayed, fired: Fired) -> tuple[str, str | None]:
    until = None if fired.until_s is None else _moment(found.started + fired.until_s)
    return _moment(found.started + fired.since_s), until


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%MZ")
