"""Type, message and traceback of an error are those in the event's metadata, whichever way the event comes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.decode.canonical import decode
from exporter.decode.gateway import decode_member
from exporter.decode.postgres_rows import decode_row
from exporter.events import ConnectionEvent, DurationEvent
from tests.core.examples import NOW, T
from tests.servers import ROOT

OWN_CALLS = [
    json.loads(line)["member"] for line in (ROOT / "tests/data/own_calls_redis.jsonl").read_text().splitlines()
]
REPORTED = {
    "error_type": "RetryableError",
    "error_message": "boom",
    "error_traceback": "Traceback\nRetryableError: boom",
}
TEXT = "RetryableError: boom"
EVENT = {"connection_type": "supabase", "direction": "error", "timestamp": T, "error": TEXT}
Error = tuple[str | None, str | None, str | None]


def error_of(event: Any) -> Error:
    assert isinstance(event, ConnectionEvent)
    assert event.metadata is None
    return event.error_type, event.error, event.error_traceback


def read_member(event: dict[str, Any]) -> Error:
    return error_of(decode_member(json.dumps(event).encode(), NOW).events[0])


def read_push(event: dict[str, Any]) -> Error:
    (found,) = decode(json.dumps([event]).encode(), NOW).events
    return error_of(found)


def read_among_bad_ones(event: dict[str, Any]) -> Error:
    (found,) = decode(json.dumps([event, {"kind": "no such"}]).encode(), NOW).events
    return error_of(found)


def read_line(event: dict[str, Any]) -> Error:
    (found,) = decode(json.dumps({"kind": "connection", **event}).encode(), NOW, ndjson=True).events
    return error_of(found)


def read_row(event: dict[str, Any]) -> Error:
    row = {"type": "connection_event", "timestamp": T, "data": event, "event_id": "1"}
    return error_of(decode_row("monitoring.monitoring_events", json.dumps(row).encode(), NOW)[0])


def read_canonical_row(event: dict[str, Any]) -> Error:
    row = {"type": "connection", "timestamp": T, "data": event, "event_id": "1"}
    return error_of(decode_row("monitoring.metrics_raw", json.dumps(row).encode(), NOW)[0])


WAYS = [read_member, read_push, read_among_bad_ones, read_line, read_row, read_canonical_row]


@pytest.mark.parametrize("read", WAYS)
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"metadata": REPORTED}, tuple(REPORTED.values())),
        ({"metadata": {"error_type": "E"}}, ("E", TEXT, None)),
        ({"metadata": {"error_type": "E"}, "error_type": "Own", "error_traceback": "own"}, ("E", TEXT, "own")),
        ({"metadata": {"error_type": 5, "error_message": " ", "error_traceback": {"a": []}}}, (None, TEXT, None)),
        ({"metadata": {}}, (None, TEXT, None)),
        ({"metadata": REPORTED, "error": None}, tuple(REPORTED.values())),
        ({"metadata": REPORTED, "error": None, "direction": "receive"}, (None, None, None)),
    ],
)  # fmt: skip
def test_each_way_reads_the_error_in_the_metadata(read: Any, changed: dict[str, Any], expected: Error) -> None:
    assert read({**EVENT, **changed}) == expected


def test_metadata_of_any_shape_is_no_reason_to_refuse_an_event() -> None:
    assert read_member({**EVENT, "metadata": [1]}) == (None, TEXT, None)


def test_the_errors_of_a_real_gateway_are_read() -> None:
    found = [decode_member(member.encode(), NOW).events[0] for member in OWN_CALLS]
    failed = [error_of(event) for event in found if event.direction == "error"]
    assert [(kind, message, bool(trace)) for kind, message, trace in failed] == [
        ("TimeoutError", "Request to https://api.moonshot.ai timed out", True),
        (None, "Error code: 429 - {'error': {'message': 'rate limit'}}", False),
        ("RetryableError", "boom", True),
    ]


def test_a_recorded_call_has_the_error_of_its_event() -> None:
    member = {
        **EVENT,
        "direction": "duration_recorded",
        "response_time_ms": 900.0,
        "metadata": {"model": "kimi-k2", **REPORTED},
    }
    _, call = decode_member(json.dumps(member).encode(), NOW).events
    assert isinstance(call, DurationEvent)
    assert (call.outcome, call.error, call.error_type) == ("error", "boom", "RetryableError")


def test_a_performance_row_has_the_error_of_its_call() -> None:
    data = {"model": "kimi-k2", "duration_ms": 5, "error": "Error code: 401", "error_type": "AuthenticationError"}
    row = {"type": "performance", "timestamp": T, "data": data, "event_id": "1"}
    (call,) = decode_row("monitoring.metrics_raw", json.dumps(row).encode(), NOW)
    assert isinstance(call, DurationEvent)
    assert (call.outcome, call.error, call.error_type) == ("error", "Error code: 401", "AuthenticationError")
