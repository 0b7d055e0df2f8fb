"""Model calls that a gateway's connection events describe in their metadata."""

from __future__ import annotations

from typing import Any

from exporter.calls import TIMEOUT, failure_type, provider_of
from exporter.events import REFUSED_DIRECTIONS, ConnectionEvent, ConnectionMetadata, DurationEvent
from exporter.pseudonyms import pseudonym

EXPLICIT = "duration_recorded"
"""The direction of an event that does nothing but record a model call; its `data_size_bytes` are tokens."""

_FAILED = {"error", *REFUSED_DIRECTIONS}
_NOT_PROVIDERS = {"websocket", "redis", "supabase"}
"""Connection types that carry calls to any provider."""

_LARGEST_COUNT = 2**53
_LONGEST_TEXT = 256


def explicit_call(event: ConnectionEvent, metadata: ConnectionMetadata | None) -> DurationEvent | None:
    """Return the call that a `duration_recorded` event records."""
    if event.direction != EXPLICIT or event.response_time_ms is None or metadata is None:
        return None
    return _call(event, metadata, event.response_time_ms)


def derived_call(event: ConnectionEvent, metadata: ConnectionMetadata | None) -> DurationEvent | None:
    """Return the call that an event describes if its metadata names a model and it has a response time.

    Nothing is derived from `duration_recorded`: its sender records the call itself.
    """
    if event.direction == EXPLICIT or event.response_time_ms is None:
        return None
    if metadata is None or not _text(metadata.model):
        return None
    call = _call(event, metadata, event.response_time_ms)
    call.derived = True
    if call.outcome == "error" and failure_type(call.error, call.error_type) == TIMEOUT:
        # The learner takes it as cut off; a gateway has no other way to tell that.
        call.outcome = "timeout"
    return call


def _call(event: ConnectionEvent, metadata: ConnectionMetadata, duration_ms: float) -> DurationEvent:
    model = _text(metadata.model) or ""
    used = ConnectionMetadata() if event.direction in REFUSED_DIRECTIONS else metadata
    prompt, completion = _count(used.prompt_tokens), _count(used.completion_tokens)
    total = _count(used.total_tokens) or _count(used.tokens)
    return DurationEvent(
        model=model,
        duration_ms=duration_ms,
        timestamp=event.timestamp,
        provider=provider_of(model) if event.connection_type in _NOT_PROVIDERS else event.connection_type,
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=None if prompt or completion else total,
        cached_input_tokens=_count(used.cached_input_tokens),
        cache_write_tokens=_count(used.cache_write_tokens),
        reasoning_tokens=_count(used.reasoning_tokens),
        max_tokens=_count(metadata.max_tokens),
        request_type=_text(metadata.request_type),
        outcome="error" if event.error or event.direction in _FAILED else "ok",
        error=event.error,
        error_type=event.error_type,
        finish_reason=_text(metadata.finish_reason),
        cache_hit=metadata.cache_hit if isinstance(metadata.cache_hit, bool) else None,
        conversation_id=_conversation(metadata),
        request_id=_text(metadata.request_id),
        trace_id=_text(metadata.trace_id),
        tool_name=_text(metadata.tool_name),
        thinking_mode=_text(metadata.thinking_mode),
        connection_type=event.connection_type,
        script_name=event.script_name,
        function_name=event.function_name,
        event_id=None if event.event_id is None else id_of_call(event.event_id),
    )


def _conversation(metadata: ConnectionMetadata) -> str | None:
    """Return the pseudonym of the first id that is a text; the whole id is hashed, however long it is."""
    for plain in (metadata.conversation_id, metadata.continuation_id, metadata.session_id):
        if isinstance(plain, str) and plain.strip():
            return pseudonym(plain)
    return None


def id_of_call(event_id: str) -> str:
    """Return the id of the call that an event with that id describes."""
    return f"{event_id[:250]}/call"


def _text(value: Any) -> str | None:
    return value[:_LONGEST_TEXT] if isinstance(value, str) and value.strip() else None


def _count(value: Any) -> int | None:
    """Return a positive count; 0 means that the sender does not know it."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 < value <= _LARGEST_COUNT else None
