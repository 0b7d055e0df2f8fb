"""The shapes of `data` in what a gateway batches into its database; every field may be left out."""

from __future__ import annotations

from msgspec import Raw, Struct

from exporter.events import Amount, Count, EventId, Ratio, Time


class Reported(Struct):
    """A row: `data` has a shape for each type, `event_id` is the event's own or names the row."""

    type: str
    timestamp: Time
    data: Raw
    event_id: EventId
    source: str | None = None

    @property
    def instance(self) -> str:
        """Who reports."""
        return self.source or "gateway"


class Operation(Struct):
    """An operation on a semantic cache."""

    implementation: str | None = None
    implementation_type: str | None = None
    response_time_ms: Amount | None = None
    cache_size: Count | None = None
    similarity: Ratio | None = None
    error_type: str | None = None
    error_message: str | None = None
    error: str | None = None


class Connection(Struct):
    """Something that crossed a connection, in the words of either writer."""

    connection_type: str | None = None
    service: str | None = None
    direction: str | None = None
    script_name: str | None = None
    script: str | None = None
    function_name: str | None = None
    function: str | None = None
    operation: str | None = None
    data_size_bytes: Count | None = None
    response_time_ms: Amount | None = None
    duration_ms: Amount | None = None
    success: bool | None = None
    error: str | None = None
    error_type: str | None = None
    error_traceback: str | None = None
    traceback: str | None = None
    metadata: Raw = Raw(b"null")


class Performance(Struct):
    """How long something took."""

    operation: str | None = None
    service: str | None = None
    model: str | None = None
    provider: str | None = None
    duration_ms: Amount | None = None
    response_time_ms: Amount | None = None
    success: bool | None = None
    error: str | None = None
    error_type: str | None = None
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    cached_input_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    request_type: str | None = None
    tool_name: str | None = None
    thinking_mode: str | None = None
    finish_reason: str | None = None
    conversation_id: str | None = None
    request_id: str | None = None
    trace_id: str | None = None


class Health(Struct):
    """A WebSocket's health where it is told in one number."""

    active_connections: Count | None = None
