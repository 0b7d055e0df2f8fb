"""The canonical events as the plain dicts that the simulation yields; times are Unix seconds."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Direction = Literal["send", "receive", "error", "success", "connect", "reject", "rate_limit"]
CacheOperation = Literal["hit", "miss", "set", "evict", "error"]
Outcome = Literal["ok", "error", "timeout"]


class ConnectionEvent(TypedDict):
    """Something crossed one of the gateway's connections."""

    kind: Literal["connection"]
    connection_type: str
    direction: Direction
    timestamp: float
    script_name: str
    function_name: str
    data_size_bytes: int
    response_time_ms: float | None
    error: str | None
    metadata: dict[str, Any]


class CacheEvent(TypedDict):
    """One operation on the semantic cache."""

    kind: Literal["cache"]
    operation: CacheOperation
    implementation: str
    timestamp: float
    cache_key: str
    response_time_ms: float
    cache_size: int
    similarity: NotRequired[float]
    error_type: NotRequired[str]
    error_message: NotRequired[str]


class DurationEvent(TypedDict):
    """One call of a model."""

    kind: Literal["duration"]
    model: str
    provider: str
    duration_ms: float
    timestamp: float
    prompt_tokens: int
    completion_tokens: int
    max_tokens: int
    request_type: str
    estimated_timeout_s: NotRequired[float]
    estimate_source: NotRequired[str]
    time_to_first_token_ms: NotRequired[float]
    outcome: Outcome
    error: NotRequired[str]
    request_id: str
    tool_name: str
    metadata: dict[str, Any]


class Span(TypedDict):
    """The time that a request spent in one layer."""

    layer: str
    start_time: float
    end_time: float


class TraceEvent(TypedDict):
    """One request's way through the layers."""

    kind: Literal["trace"]
    trace_id: str
    tool_name: str
    conversation_id: str
    call_index: int
    provider: str | None
    start_time: float
    end_time: float
    status: str
    error: str | None
    spans: list[Span]


class HttpEvent(TypedDict):
    """One HTTP request that a service answered."""

    kind: Literal["http"]
    service: str
    route: str
    method: str
    status: int
    duration_ms: float
    timestamp: float
    error: NotRequired[str]
    trace_id: NotRequired[str]


class PredictionEvent(TypedDict):
    """One prediction of a model."""

    kind: Literal["prediction"]
    service: str
    model: str
    timestamp: float
    absolute_error: float
    confidence: float
    r2: float
    baseline_mae: float


class GaugeEvent(TypedDict):
    """What a subject measures of itself now."""

    kind: Literal["gauge"]
    subject: str
    instance: str
    timestamp: float
    values: dict[str, Any]


Event = ConnectionEvent | CacheEvent | DurationEvent | TraceEvent | HttpEvent | PredictionEvent | GaugeEvent


def happened_at(event: Event) -> float:
    """When the event is known: a trace when it ends, every other at its timestamp."""
    return event["end_time"] if event["kind"] == "trace" else event["timestamp"]
