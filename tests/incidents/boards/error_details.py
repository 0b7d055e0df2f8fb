"""The truth about the board "Error details"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from tests.incidents import expected
from tests.incidents.moment import Moment
from tests.incidents.rows import Row, RowFigures
from tests.incidents.truth import Fields

UID = "exai-error-details"
KINDS = {"connection", "http", "cache"}
_SHOWN = 100


def errors(moment: Moment) -> list[Fields]:
    """Return the errors of the range, the newest first."""
    found = [event for event in moment.happened().events if event["kind"] in KINDS and _failed(event)]
    return sorted(found, key=lambda event: event["timestamp"], reverse=True)


def _failed(event: Fields) -> bool:
    return bool(event.get("error") or "error" in (event.get("direction"), event.get("operation")))


def service(event: Fields) -> str:
    """Return what failed."""
    return str(event.get("connection_type") or event.get("service") or event["implementation"])


def message(event: Fields) -> str:
    """Return what the error says."""
    captured = event.get("metadata", {}).get("error_message")
    return str(captured or event.get("error") or event.get("error_message"))


def kept(moment: Moment) -> Sequence[Row]:
    """Return how many errors there were."""
    found = errors(moment)
    traced = sum("error_traceback" in event.get("metadata", {}) for event in found)
    return [
        {
            "errors": expected.one_of([len(found)]),
            "services": expected.one_of([len({service(event) for event in found})]),
            "with traceback": expected.one_of([traced]),
        }
    ]


def newest(moment: Moment) -> Sequence[Row]:
    """Return the newest of them."""
    return [{"service": service(event), "message": message(event)} for event in errors(moment)[:_SHOWN]]


def kinds(moment: Moment) -> Sequence[Row]:
    """Return how many there were of each kind, the commonest first."""
    counts = Counter(_kind(event) for event in errors(moment))
    return [{"errors": expected.one_of([count])} for count in sorted(counts.values(), reverse=True)[:_SHOWN]]


def _kind(event: Fields) -> tuple[str, ...]:
    place = event.get("script_name", ""), event.get("function_name", event.get("route", ""))
    return service(event), *place, str(event.get("status", "")), re.sub("[0-9]+", "#", message(event))


def chosen(moment: Moment) -> Sequence[Row]:
    """Return the newest, which is chosen while nobody chooses."""
    return [{"service": service(event)} for event in errors(moment)[:1]]


ROWS: RowFigures = {
    ("Kept errors", "A"): kept,
    ("Kinds of errors", "A"): kinds,
    ("The chosen error", "A"): chosen,
    ("Errors, newest first", "A"): newest,
}
