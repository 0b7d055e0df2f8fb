"""The typed events of every kind; msgspec decodes and bounds them in one pass.

Times are Unix seconds, sizes bytes, `_ms` milliseconds. Unknown fields are skipped.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct

FIRST_VALID_TIME = 1_420_070_400.0
"""2015-01-01: an older time is a broken clock, not an old event."""

# `lt=inf` raises in msgspec, and `ge=0` alone would let integers of 400 digits in.
Time = Annotated[float, Meta(ge=FIRST_VALID_TIME, le=1e15)]
Amount = Annotated[float, Meta(ge=0, le=1e15)]
Number = Annotated[float, Meta(ge=-1e15, le=1e15)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Ratio = Annotated[float, Meta(ge=0, le=1)]
EventId = Annotated[str, Meta(max_length=256)]

REFUSED_DIRECTIONS = frozenset(("reject", "rate_limit"))
"""The directions of connection events that tell of an operation which the gateway refused to begin."""


class Metadata(Struct, gc=False):
    """Any object: checked to be one, and kept out of the series."""


class ConnectionMetadata(Struct, gc=False):
    """The fields of a connection event's metadata that are read.

    Applications write what they like into metadata, so a value of any type is accepted here.
    """

    model: Any = None
    tokens: Any = None
    prompt_tokens: Any = None
    completion_tokens: Any = None
    total_tokens: Any = None
    cached_input_tokens: Any = None
    cache_write_tokens: Any = None
    reasoning_tokens: Any = None
    max_tokens: Any = None
    request_type: Any = None
    finish_reason: Any = None
    cache_hit: Any = None
    tool_name: Any = None
    thinking_mode: Any = None
    request_id: Any = None
    trace_id: Any = None
    conversation_id: Any = None
    continuation_id: Any = None
    session_id: Any = None
    error_type: Any = None
    error_message: Any = None
    error_traceback: Any = None


class ConnectionEvent(Struct, tag_field="kind", tag="connection", gc=False):
    """Something crossed one of the gateway's connections."""

    connection_type: str
    direction: str
    timestamp: Time
    script_name: str | None = None
    function_name: str | None = None
    data_size_bytes: Count | None = None
    response_time_ms: Amount | None = None
    error: str | None = None
    error_type: str | None = None
    error_traceback: str | None = None
    metadata: ConnectionMetadata | None = None
    event_id: EventId | None = None


class CacheEvent(Struct, tag_field="kind", tag="cache", gc=False):
    """One operation on the semantic cache; `cache_size` is its number of entries."""

    operation: Literal["hit", "miss", "set", "evict", "error"]
    implementation: str
    timestamp: Time
    response_time_ms: Amount | None = None
    cache_size: Count | None = None
    error_type: str | None = None
    error_message: str | None = None
    similarity: Ratio | None = None
    metadata: Metadata | None = None
    event_id: EventId | None = None


class DurationEvent(Struct, tag_field="kind", tag="duration", gc=False):
    """One call of a model.

    `total_tokens` counts where the sender does not know the split into prompt and completion. Cached and cache-write
    tokens are a part of the prompt's, reasoning tokens a part of the completion's. `derived` marks a call that was
    made from a connection event instead of being sent. `connection_type`, `script_name` and `function_name` are those
    of the connection event that describes the call.
    """

    model: str
    duration_ms: Amount
    timestamp: Time
    provider: str | None = None
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    cached_input_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    max_tokens: Count | None = None
    request_type: str | None = None
    estimated_timeout_s: Amount | None = None
    estimate_source: str | None = None
    time_to_first_token_ms: Amount | None = None
    outcome: Literal["ok", "error", "timeout"] = "ok"
    error: str | None = None
    error_type: str | None = None
    finish_reason: str | None = None
    cache_hit: bool | None = None
    conversation_id: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    tool_name: str | None = None
    thinking_mode: str | None = None
    operation: str = "chat"
    connection_type: str | None = None
    script_name: str | None = None
    function_name: str | None = None
    derived: bool | None = None
    metadata: Metadata | None = None
    event_id: EventId | None = None


class Span(Struct, gc=False):
    """The time that a request spent in one layer."""

    layer: Literal["shim", "websocket", "tool", "provider_selection", "ai_api", "supabase"]
    start_time: Time
    end_time: Time


class TraceEvent(Struct, tag_field="kind", tag="trace", gc=False):
    """One request's way through the layers; `provider` is the one that answered it, if any did."""

    trace_id: str
    tool_name: str
    start_time: Time
    end_time: Time
    status: str
    spans: list[Span]
    span_id: str | None = None
    parent_span_id: str | None = None
    conversation_id: str | None = None
    call_index: Annotated[int, Meta(ge=1, le=2**53)] | None = None
    provider: str | None = None
    error: str | None = None
    metadata: Metadata | None = None
    event_id: EventId | None = None

    @property
    def timestamp(self) -> float:
        """When the request ended."""
        return self.end_time


class HttpEvent(Struct, tag_field="kind", tag="http", gc=False):
    """One HTTP request that a service answered; `route` is the template, not the path."""

    service: str
    route: str
    method: str
    status: Annotated[int, Meta(ge=100, le=599)]
    duration_ms: Amount
    timestamp: Time
    error: str | None = None
    trace_id: str | None = None
    event_id: EventId | None = None


class PredictionEvent(Struct, tag_field="kind", tag="prediction", gc=False):
    """One prediction of a model, with what is known of its quality."""

    service: str
    model: str
    timestamp: Time
    absolute_error: Amount | None = None
    confidence: Ratio | None = None
    r2: Number | None = None
    baseline_mae: Amount | None = None
    event_id: EventId | None = None


class GaugeEvent(Struct, tag_field="kind", tag="gauge", gc=False):
    """What a subject measures of itself, as it comes: `values` has a shape for each subject."""

    subject: Literal["connection", "session", "semaphore", "websocket", "request", "process", "pool", "cache", "redis"]
    instance: str
    timestamp: Time
    values: Raw
    event_id: EventId | None = None


class Reading(Struct, gc=False):
    """A gauge event whose values are decoded: one of the structs of `exporter.gauge_values`."""

    instance: str
    timestamp: float
    values: Struct
    event_id: EventId | None = None


WireEvent = ConnectionEvent | DurationEvent | CacheEvent | TraceEvent | HttpEvent | PredictionEvent | GaugeEvent
Event = ConnectionEvent | DurationEvent | CacheEvent | TraceEvent | HttpEvent | PredictionEvent | Reading

KINDS: dict[type, str] = {
    ConnectionEvent: "connection",
    DurationEvent: "duration",
    CacheEvent: "cache",
    TraceEvent: "trace",
    HttpEvent: "http",
    PredictionEvent: "prediction",
    Reading: "gauge",
}
"""The word for each event type, as the wire's `kind` and the series' label have it."""
