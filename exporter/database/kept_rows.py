"""Errors, traces and model calls as rows of `monitoring`: private content redacted, lengths bounded, same keys."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from exporter.conventions import UNKNOWN
from exporter.events import CacheEvent, ConnectionEvent, DurationEvent, TraceEvent
from exporter.fold.labels import error_type
from exporter.fold.model_calls import usage
from exporter.fold.series_labels import call_labels
from exporter.fold.spool import Kept, Spooled
from exporter.masking import mask
from exporter.pseudonyms import pseudonym
from exporter.redaction import redact

LONGEST_MESSAGE = 4000
LONGEST_TRACEBACK = 32_000
LONGEST_NAME = 256
"""Characters."""

MOST_SPANS = 1000

ERRORS = """
    insert into monitoring.errors (id, event_id, timestamp, kind, service, script_name, function_name, error_type,
      message, traceback, trace_id)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing
"""
TRACES = """
    insert into monitoring.traces (trace_id, span_id, parent_span_id, tool_name, conversation_id, call_index, status,
      error, started_at, ended_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing
"""
SPANS = """
    insert into monitoring.spans (trace_id, position, layer, started_at, ended_at)
    values (%s, %s, %s, %s, %s) on conflict do nothing
"""
MODEL_CALLS = """
    insert into monitoring.model_calls (id, event_id, timestamp, provider, model, operation, tool_name, request_type,
      thinking_mode, outcome, error_type, error, finish_reason, cache_hit, duration_ms, time_to_first_token_ms,
      input_tokens, output_tokens, total_tokens, input_cached_tokens, input_cache_write_tokens,
      output_reasoning_tokens, cost_dollars, estimated_timeout_s, estimate_source, conversation, request_id, trace_id,
      connection_type, script_name, function_name)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
      %s, %s, %s, %s) on conflict do nothing
"""

Row = tuple[Any, ...]
CostOf = Callable[[str, Mapping[str, int]], float | None]
"""Return what a call cost in dollars, by its model and its tokens of each type; None where that is unknown."""


def unknown_cost(_model: str, _tokens: Mapping[str, int]) -> None:
    """Return None: no price is known."""


def rows_of(spooled: Spooled, cost_of: CostOf = unknown_cost) -> list[tuple[str, Row]]:
    """The statements that keep an event, and their values; they may be repeated without harm."""
    event = spooled.event
    if event is None:
        return []
    if isinstance(event, DurationEvent):
        return [(MODEL_CALLS, _call(event, _key(spooled.row, event), cost_of))]
    if isinstance(event, TraceEvent):
        return [(TRACES, _trace(event)), *((SPANS, row) for row in _spans(event))]
    return [(ERRORS, _error(event, _key(spooled.row, event)))]


def _error(event: Kept, key: UUID) -> Row:
    kind, service, script, function, cause, message, traceback, trace_id = _told(event)
    return (
        key,
        _clean(getattr(event, "event_id", None)),
        _time(event.timestamp),
        kind,
        _name(service) or UNKNOWN,
        _name(script),
        _name(function),
        _name(cause) or UNKNOWN,
        _text(message, LONGEST_MESSAGE) or "",
        _text(traceback, LONGEST_TRACEBACK),
        _name(trace_id),
    )


def _told(event: Kept) -> tuple[str, str, str | None, str | None, str | None, str | None, str | None, str | None]:
    """Kind, service, script, function, type, message, traceback and trace of an error."""
    if isinstance(event, ConnectionEvent):
        cause = event.error_type or error_type(event.error)
        names = (event.connection_type, event.script_name, event.function_name)
        return ("connection", *names, cause, event.error, event.error_traceback, None)
    if isinstance(event, CacheEvent):
        texts = (event.error_type, event.error_message)
        return ("cache", event.implementation, None, event.operation, *texts, None, None)
    assert not isinstance(event, TraceEvent | DurationEvent)  # noqa: S101 - they have tables of their own
    place = f"{event.method} {event.route}"
    return ("http", event.service, None, place, str(event.status), event.error, None, event.trace_id)


def _trace(event: TraceEvent) -> Row:
    return (
        _name(event.trace_id),
        _name(event.span_id),
        _name(event.parent_span_id),
        _name(event.tool_name) or UNKNOWN,
        # A spool of 0.1 may still hold plain ids.
        None if event.conversation_id is None else pseudonym(event.conversation_id),
        min(event.call_index, 2**31 - 1) if event.call_index is not None else None,
        _name(event.status) or UNKNOWN,
        _text(event.error, LONGEST_MESSAGE),
        _time(event.start_time),
        _time(event.end_time),
    )


def _call(event: DurationEvent, key: UUID, cost_of: CostOf) -> Row:
    operation, provider, _, cause = call_labels(event)
    tokens = dict(usage(event, cause))
    total = tokens.get("total") or tokens.get("input", 0) + tokens.get("output", 0)
    return (
        key,
        _clean(event.event_id),
        _time(event.timestamp),
        provider,
        _name(event.model) or UNKNOWN,
        operation,
        _name(event.tool_name),
        _name(event.request_type),
        _name(event.thinking_mode),
        event.outcome,
        cause or None,
        _text(event.error, LONGEST_MESSAGE),
        _name(event.finish_reason),
        event.cache_hit,
        event.duration_ms,
        event.time_to_first_token_ms,
        tokens.get("input"),
        tokens.get("output"),
        total or None,
        tokens.get("input_cached"),
        tokens.get("input_cache_write"),
        tokens.get("output_reasoning"),
        cost_of(event.model, tokens),
        event.estimated_timeout_s,
        _name(event.estimate_source),
        _name(event.conversation_id),
        _name(event.request_id),
        _name(event.trace_id),
        _name(event.connection_type),
        _name(event.script_name),
        _name(event.function_name),
    )


def _spans(event: TraceEvent) -> list[Row]:
    return [
        (_name(event.trace_id), position, span.layer, _time(span.start_time), _time(span.end_time))
        for position, span in enumerate(event.spans[:MOST_SPANS])
    ]


def _key(row: int, event: Kept) -> UUID:
    """The same for the same row of the same spool, whenever it is sent."""
    return UUID(bytes=hashlib.blake2b(b"%d " % row + msgspec.msgpack.encode(event), digest_size=16).digest())


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _name(text: str | None) -> str | None:
    return _text(text, LONGEST_NAME)


def _text(text: str | None, most: int) -> str | None:
    return None if text is None else _clean(redact(text))[:most]  # type: ignore[index]


def kept_text(text: str, most: int) -> str:
    """Return a text that an operator wrote, without its secrets and cut to `most` characters.

    Secrets are masked before the text is cut, because half a secret is not recognised.
    """
    return _clean(mask(text))[:most]  # type: ignore[index]


def _clean(text: str | None) -> str | None:
    """Without what PostgreSQL's text cannot hold."""
    return None if text is None else text.replace("\0", "").encode(errors="replace").decode()
