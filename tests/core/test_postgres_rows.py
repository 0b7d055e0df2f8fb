"""Rows of the raw tables become canonical events, or are refused with a reason; nothing else ever happens."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.decode.canonical import decode
from exporter.decode.postgres_rows import CACHE_METRICS, decode_row
from exporter.events import CacheEvent, ConnectionEvent, DurationEvent, Event, Reading, TraceEvent
from exporter.fold.apply import Fold
from exporter.fold.state import State
from exporter.gauge_values import ConnectionTotals, SessionValues, WebsocketValues
from exporter.types import Batch, Refused
from tests.core.examples import full

NOW = 1_800_000_000.0
TYPES = (
    "cache_hit", "cache_miss", "cache_set", "cache_evict", "cache_error", "websocket_health", "connection_event",
    "performance", "session_metrics", "semaphore_metrics", "connection", "duration", "cache", "trace", "http",
    "prediction", "gauge",
)  # fmt: skip
REASONS = {"missing_field", "unknown_kind", "unknown_value", "out_of_range", "wrong_type", "malformed", "too_deep"}

numbers = st.one_of(st.integers(-10, 10**18), st.floats(allow_nan=False, allow_infinity=False))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
leaves = st.one_of(st.none(), st.booleans(), numbers, texts)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
words = st.sampled_from(
    ["implementation", "response_time_ms", "duration_ms", "cache_size", "similarity", "error_type", "error", "service",
     "connection_type", "direction", "function", "metadata", "model", "success", "operation", "active_connections",
     "uptime_seconds", "8079", "spans", "trace_id", "tool_name", "start_time", "end_time", "status", "subject",
     "values", "instance", "timestamp", "kind", "event_id", "route", "method"],
)  # fmt: skip
data = st.one_of(anything, st.dictionaries(words, anything, max_size=6))


def row(kind: str, data: Any, **fields: Any) -> bytes:
    found = {"type": kind, "timestamp": NOW - 5, "source": None, "data": data, "event_id": "row-1", **fields}
    return json.dumps(found).encode()


def read(kind: str, data: Any, **fields: Any) -> list[Event]:
    return list(decode_row("monitoring.metrics_raw", row(kind, data, **fields), NOW))


@given(kind=st.sampled_from((*TYPES, "nothing")), data=data)
def test_whatever_a_row_holds_it_is_events_that_can_be_folded_or_a_refusal(kind: str, data: Any) -> None:
    try:
        events = read(kind, data)
    except Refused as refused:
        events, reason = [], refused.reason
    else:
        reason = None
    assert reason in {*REASONS, None}
    assert all(event.event_id for event in events)
    fold = Fold(State())
    fold.apply(Batch("postgres", sorted(events, key=lambda event: type(event).__name__), received=NOW))


@given(text=st.binary(max_size=60))
def test_bytes_that_are_no_row_are_refused(text: bytes) -> None:
    for table in (CACHE_METRICS, "monitoring.monitoring_events"):
        with pytest.raises(Refused):
            decode_row(table, text, NOW)


@pytest.mark.parametrize("kind", ["connection", "duration", "cache", "trace", "http", "prediction", "gauge"])
def test_a_canonical_event_in_a_row_is_what_it_is_anywhere_else(kind: str) -> None:
    event = full(kind)
    (found,) = read(
        kind, {name: value for name, value in event.items() if name != "kind"}, timestamp=event.get("timestamp", NOW)
    )
    (expected,) = decode(json.dumps({**event, "event_id": "row-1"}).encode(), NOW + 10**9).events
    assert msgspec.json.encode(found) == msgspec.json.encode(expected)


def test_a_cache_operation_is_read_from_either_table() -> None:
    fields = {"response_time_ms": 2.5, "cache_size": 7, "similarity": 0.5}
    expected = CacheEvent("hit", "new", NOW - 5, **fields, event_id="row-1")
    assert read("cache_hit", {**fields, "implementation": "new"}) == [expected]
    whole = {**fields, "operation": "hit", "implementation": "new", "timestamp": NOW - 5, "event_id": "row-1"}
    assert list(decode_row(CACHE_METRICS, json.dumps(whole).encode(), NOW)) == [expected]


def test_a_cache_error_has_its_type_and_text() -> None:
    (event,) = read("cache_error", {"implementation": "new", "error_type": "Timeout", "error_message": "slow"})
    assert isinstance(event, CacheEvent)
    assert (event.operation, event.error_type, event.error_message) == ("error", "Timeout", "slow")


def test_a_connection_event_is_read_in_the_words_of_either_writer() -> None:
    (event,) = read("connection_event", {"service": "kimi", "operation": "chat", "duration_ms": 5, "success": False})
    assert event == ConnectionEvent("kimi", "error", NOW - 5, None, "chat", None, 5.0, event_id="row-1")
    (event,) = read(
        "connection_event",
        {"connection_type": "redis", "direction": "receive", "script": "s.py", "function": "get", "data_size_bytes": 3,
         "response_time_ms": 1, "error": "Boom: x", "traceback": "Traceback", "error_type": "Boom"},
    )  # fmt: skip
    expected = ConnectionEvent("redis", "receive", NOW - 5, "s.py", "get", 3, 1.0, "Boom: x", "Boom", "Traceback")
    expected.event_id = "row-1"
    assert event == expected


def test_a_model_call_in_a_connection_event_is_one() -> None:
    metadata = {"adaptive_timeout": True, "model": "kimi-k2", "prompt_tokens": 10, "completion_tokens": 5}
    kept = {"connection_type": "kimi", "direction": "duration_recorded", "response_time_ms": 900, "metadata": metadata}
    connection, call = read("connection_event", kept)
    assert isinstance(connection, ConnectionEvent)
    assert isinstance(call, DurationEvent)
    assert (call.model, call.duration_ms, call.event_id) == ("kimi-k2", 900, "row-1/call")


def test_a_performance_is_a_model_call_or_a_request() -> None:
    (call,) = read("performance", {"model": "glm-4", "duration_ms": 40, "success": False, "provider": "glm"})
    assert isinstance(call, DurationEvent)
    assert (call.model, call.provider, call.outcome) == ("glm-4", "glm", "error")
    told = {
        "tool_name": "debug", "thinking_mode": "high", "finish_reason": "stop", "request_id": "r", "trace_id": "t",
    }  # fmt: skip
    (call,) = read("performance", {"model": "glm-4", "duration_ms": 40, **told})
    assert {field: getattr(call, field) for field in told} == told
    (request,) = read("performance", {"operation": "search", "response_time_ms": 1500, "provider": "glm"})
    assert isinstance(request, TraceEvent)
    assert request.provider == "glm"
    assert (request.tool_name, request.status, request.end_time - request.start_time) == ("search", "ok", 1.5)
    with pytest.raises(Refused, match="duration_ms"):
        read("performance", {"operation": "search"})


def test_a_sockets_health_is_read_whole_by_port_or_as_one_number() -> None:
    (event,) = read("websocket_health", {"uptime_seconds": 5, "status": "connected"}, source="ws_server")
    assert event == Reading("ws_server", NOW - 5, WebsocketValues(uptime_seconds=5, status="connected"), "row-1")
    (event,) = read("websocket_health", {"8079": {"uptime_seconds": 5}})
    assert isinstance(event, Reading)
    assert event.values == WebsocketValues(ports={"8079": WebsocketValues(uptime_seconds=5)})
    (event,) = read("websocket_health", {"active_connections": 4, "total_messages": 9, "error_count": 1})
    assert isinstance(event, Reading)
    assert event.values == WebsocketValues(connections=ConnectionTotals(active=4))


def test_sessions_are_a_gauge() -> None:
    (event,) = read("session_metrics", {"active_sessions": 2})
    assert isinstance(event, Reading)
    assert event.values == SessionValues(active_sessions=2)


@pytest.mark.parametrize("timestamp", [NOW + 2 * 86_400, 1_000_000_000.0, "Infinity", None])
def test_a_time_that_is_none_is_refused(timestamp: Any) -> None:
    for kind in ("cache_hit", "performance", "websocket_health", "connection_event", "trace"):
        with pytest.raises(Refused):
            read(kind, {"duration_ms": 1, "active_connections": 1}, timestamp=timestamp)
