"""What makes an event unacceptable, in words that name its field."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from exporter.events import Event, TraceEvent
from exporter.redaction import redact_quoted
from exporter.types import Refused

DAY = 86_400.0
_LONGEST_MESSAGE = 300

_PATH = re.compile(r" - at `\$(?:\[(?:\d+|\.\.\.)\])?\.?(.*)`$")
_MISSING = re.compile(r"missing required field `(.+?)`")
_UNKNOWN = re.compile(r"unknown field `(.+?)`")


def refusal(error: Exception, within: str = "") -> Refused:
    """Translates what decoding raised; `within` is the field whose inside was decoded."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, RecursionError):
        return Refused(within, "too_deep", "nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        return Refused(within, "encoding", "not UTF-8")
    if not isinstance(error, msgspec.ValidationError):
        return Refused(within, "malformed", str(error)[:_LONGEST_MESSAGE])
    message = redact_quoted(str(error))[:_LONGEST_MESSAGE]
    path = _PATH.search(message)
    field = ".".join(part for part in (within, path.group(1) if path else "") if part)
    return Refused(*_shape_error(field, message), message)


def _shape_error(field: str, message: str) -> tuple[str, str]:
    for named, reason in ((_MISSING.search(message), "missing_field"), (_UNKNOWN.search(message), "unknown_field")):
        if named:
            return ".".join(part for part in (field, named.group(1)) if part), reason
    if message.startswith("Invalid value") and field == "kind":
        return field, "unknown_kind"
    if message.startswith("Invalid"):
        return field, "unknown_value"
    if "out of range" in message or re.search(r"(>=|<=) -?[\d.e+]+|length", message):
        return field, "out_of_range"
    return field, "wrong_type"


def times_are_valid(event: Event, now: float) -> None:
    """Raises Refused for an event of the future, or one that ends before it begins."""
    if event.timestamp > now + DAY:
        raise Refused("timestamp", "out_of_range", f"timestamp {event.timestamp} is past tomorrow")
    if isinstance(event, TraceEvent):
        for field, start, end in _periods(event):
            if not start <= end <= now + DAY:
                raise Refused(field, "out_of_range", f"{field} {end} is before the start, or past tomorrow")


def _periods(trace: TraceEvent) -> Iterator[tuple[str, float, float]]:
    yield "end_time", trace.start_time, trace.end_time
    for number, span in enumerate(trace.spans):
        yield f"spans[{number}].end_time", span.start_time, span.end_time
