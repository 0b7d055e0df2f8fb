"""What a running gateway's ConnectionMonitor writes to Redis, as canonical events.

A member of `connection_monitor:<type>:events` calls its fields `script` and `function`, and carries
the running totals of its type.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from exporter.decode.validate import refusal, times_are_valid
from exporter.events import Amount, ConnectionEvent, Count, DurationEvent, Time
from exporter.types import Member

MODEL_CALL = "duration_recorded"
"""The direction of an event that records a model call; its `data_size_bytes` are tokens."""


class _Stats(Struct, gc=False):
    total_events: Count = 0


class _Details(Struct, gc=False):
    model: str | None = None
    request_type: str | None = None
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None


class _Written(Struct, gc=False):
    connection_type: str
    direction: str
    timestamp: Time
    script: str | None = None
    function: str | None = None
    data_size_bytes: Count | None = None
    response_time_ms: Amount | None = None
    error: str | None = None
    metadata: _Details | None = None
    stats: _Stats | None = None


_decoder = msgspec.json.Decoder(_Written)


def decode_member(member: bytes, now: float) -> Member:
    """Decodes a sorted-set member that is read at `now` (Unix seconds).

    Raises:
        Refused: the member is not an event.
    """
    try:
        found = _decoder.decode(member)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise refusal(error) from error
    connection = _connection(found)
    times_are_valid(connection, now)
    call = _model_call(found)
    total = found.stats.total_events if found.stats else 0
    return Member((connection, call) if call else (connection,), total)


def _connection(found: _Written) -> ConnectionEvent:
    return ConnectionEvent(
        connection_type=found.connection_type,
        direction=found.direction,
        timestamp=found.timestamp,
        script_name=found.script,
        function_name=found.function,
        data_size_bytes=found.data_size_bytes,
        response_time_ms=found.response_time_ms,
        error=found.error,
    )


def _model_call(found: _Written) -> DurationEvent | None:
    details = found.metadata
    if found.direction != MODEL_CALL or found.response_time_ms is None or details is None:
        return None
    return DurationEvent(
        model=details.model or "",
        duration_ms=found.response_time_ms,
        timestamp=found.timestamp,
        provider=found.connection_type,
        prompt_tokens=details.prompt_tokens,
        completion_tokens=details.completion_tokens,
        request_type=details.request_type,
        outcome="error" if found.error else "ok",
    )
