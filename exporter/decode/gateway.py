"""What a running gateway's ConnectionMonitor writes to Redis, as canonical events.

A member of `connection_monitor:<type>:events` calls its fields `script` and `function`, and carries
the running totals of its type.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from exporter.decode.model_calls import derived_call, explicit_call
from exporter.decode.reported_errors import read_error
from exporter.decode.validate import refusal, times_are_valid
from exporter.events import Amount, ConnectionEvent, ConnectionMetadata, Count, Time
from exporter.types import Member


class _Stats(Struct, gc=False):
    total_events: Count = 0


class _Written(Struct, gc=False):
    connection_type: str
    direction: str
    timestamp: Time
    script: str | None = None
    function: str | None = None
    data_size_bytes: Count | None = None
    response_time_ms: Amount | None = None
    error: str | None = None
    error_type: str | None = None
    error_traceback: str | None = None
    metadata: Raw = Raw(b"null")
    stats: Raw = Raw(b"null")


_decoder = msgspec.json.Decoder(_Written)
_metadata = msgspec.json.Decoder(ConnectionMetadata | None)
_stats = msgspec.json.Decoder(_Stats | None)


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
    metadata = _read_metadata(found)
    read_error(connection, metadata)
    call = explicit_call(connection, metadata) or derived_call(connection, metadata)
    return Member((connection, call) if call else (connection,), _total(found))


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
        error_type=found.error_type,
        error_traceback=found.error_traceback,
    )


def _read_metadata(found: _Written) -> ConnectionMetadata | None:
    try:
        metadata: ConnectionMetadata | None = _metadata.decode(found.metadata)
    except msgspec.ValidationError:
        return None
    return metadata


def _total(found: _Written) -> int:
    try:
        stats = _stats.decode(found.stats)
    except msgspec.ValidationError:
        return 0
    return stats.total_events if stats else 0
