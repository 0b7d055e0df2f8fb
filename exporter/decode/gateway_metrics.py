"""What a gateway batches into its database, type by type, as canonical events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from exporter.conventions import UNKNOWN
from exporter.decode import gateway_shapes as shapes
from exporter.decode.canonical import decode
from exporter.decode.gateway import decode_member
from exporter.decode.gateway_shapes import Reported
from exporter.decode.model_calls import id_of_call
from exporter.events import CacheEvent, DurationEvent, Event, TraceEvent
from exporter.gauge_values import ConnectionTotals, WebsocketValues
from exporter.types import Refused

_operations = msgspec.json.Decoder(shapes.Operation)
_connections = msgspec.json.Decoder(shapes.Connection)
_performances = msgspec.json.Decoder(shapes.Performance)
_health = msgspec.json.Decoder(shapes.Health)


def cache_operation(reported: Reported, _: float) -> Sequence[Event]:
    """`cache_hit`, `cache_miss`, `cache_set`, `cache_evict`, `cache_error`."""
    data = _operations.decode(reported.data)
    event = CacheEvent(
        operation=reported.type.removeprefix("cache_"),  # type: ignore[arg-type]
        implementation=data.implementation or data.implementation_type or UNKNOWN,
        timestamp=reported.timestamp,
        response_time_ms=data.response_time_ms,
        cache_size=data.cache_size,
        similarity=data.similarity,
        error_type=data.error_type,
        error_message=data.error_message or data.error,
        event_id=reported.event_id,
    )
    return (event,)


def connection(reported: Reported, now: float) -> Sequence[Event]:
    """`connection_event`: as the gateway's sorted sets have it, or with a `service` and its `success`."""
    data = _connections.decode(reported.data)
    failed = data.success is False or bool(data.error)
    member: dict[str, Any] = {
        "connection_type": data.connection_type or data.service or UNKNOWN,
        "direction": data.direction or ("error" if failed else UNKNOWN),
        "timestamp": reported.timestamp,
        "script": data.script_name or data.script or reported.source,
        "function": data.function_name or data.function or data.operation,
        "data_size_bytes": data.data_size_bytes,
        "response_time_ms": data.duration_ms if data.response_time_ms is None else data.response_time_ms,
        "error": data.error,
        "error_type": data.error_type,
        "error_traceback": data.error_traceback or data.traceback,
        "metadata": data.metadata,
    }
    events = decode_member(msgspec.json.encode(member), now).events
    for event, name in zip(events, (reported.event_id, id_of_call(reported.event_id)), strict=False):
        event.event_id = name
    return events


def performance(reported: Reported, _: float) -> Sequence[Event]:
    """`performance`: a call of a model where one is named, else a request of a tool, without layers."""
    data = _performances.decode(reported.data)
    duration_ms = data.response_time_ms if data.duration_ms is None else data.duration_ms
    if duration_ms is None:
        raise Refused("data.duration_ms", "missing_field", "performance needs duration_ms or response_time_ms")
    outcome = "error" if data.success is False or data.error else "ok"
    if data.model is not None:
        return (_call(reported, data, duration_ms, outcome),)
    trace = TraceEvent(
        trace_id=reported.event_id,
        tool_name=data.operation or data.service or UNKNOWN,
        start_time=reported.timestamp - duration_ms / 1000,
        end_time=reported.timestamp,
        status=outcome,
        spans=[],
        provider=data.provider,
        error=data.error,
        event_id=reported.event_id,
    )
    return (trace,)


def _call(reported: Reported, data: shapes.Performance, duration_ms: float, outcome: Any) -> DurationEvent:
    return DurationEvent(
        model=data.model or UNKNOWN,
        duration_ms=duration_ms,
        timestamp=reported.timestamp,
        provider=data.provider or data.service,
        prompt_tokens=data.prompt_tokens,
        completion_tokens=data.completion_tokens,
        total_tokens=data.total_tokens,
        cached_input_tokens=data.cached_input_tokens,
        cache_write_tokens=data.cache_write_tokens,
        reasoning_tokens=data.reasoning_tokens,
        request_type=data.request_type,
        outcome=outcome,
        error=data.error,
        error_type=data.error_type,
        finish_reason=data.finish_reason,
        conversation_id=data.conversation_id,
        request_id=data.request_id,
        trace_id=data.trace_id,
        tool_name=data.tool_name,
        thinking_mode=data.thinking_mode,
        event_id=reported.event_id,
    )


def websocket_health(reported: Reported, now: float) -> Sequence[Event]:
    """`websocket_health`: the socket's health as its dashboard is sent it, or only how many connections are active."""
    active = _health.decode(reported.data).active_connections
    values: Any = reported.data
    if active is not None:
        values = WebsocketValues(connections=ConnectionTotals(active=active))
    return gauge(reported, "websocket", values, now)


def gauge(reported: Reported, subject: str, values: Any, now: float) -> Sequence[Event]:
    """A reading of that subject."""
    event = {
        "kind": "gauge",
        "subject": subject,
        "instance": reported.instance,
        "timestamp": reported.timestamp,
        "values": values,
        "event_id": reported.event_id,
    }
    return canonical(event, now)


def canonical(event: dict[str, Any], now: float) -> Sequence[Event]:
    """The event that these fields make.

    Raises:
        Refused: they make none.
    """
    found = decode(msgspec.json.encode(event), now)
    for rejection in found.rejections:
        raise Refused(f"data.{rejection.field.removeprefix('values.')}", rejection.reason, rejection.message)
    return found.events
