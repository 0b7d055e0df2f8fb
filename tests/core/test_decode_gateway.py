"""The members that a running gateway writes become connection events, and model calls beside them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.decode.gateway import decode_member
from exporter.events import ConnectionEvent, DurationEvent
from exporter.types import Refused
from tests.core.examples import NOW, T
from tests.servers import ROOT

RECORDED = [json.loads(line) for line in (ROOT / "tests/data/connection_monitor_redis.jsonl").read_text().splitlines()]
MODEL_CALL = {
    "connection_type": "kimi", "direction": "duration_recorded", "script": "adaptive_timeout.py",
    "function": "record_duration", "timestamp": T, "data_size_bytes": 150, "response_time_ms": 1500.0, "error": None,
    "metadata": {
        "adaptive_timeout": True, "model": "kimi-k2", "request_type": "text_only", "prompt_tokens": 100,
        "completion_tokens": 50, "total_tokens": 150, "adaptive_timeout_ms": 1500.0,
    },
    "stats": {"total_events": 7},
}  # fmt: skip


def member(**changed: Any) -> bytes:
    return json.dumps({**MODEL_CALL, **changed}).encode()


def test_every_recorded_member_decodes() -> None:
    for record in RECORDED:
        found = decode_member(record["member"].encode(), NOW)
        written = json.loads(record["member"])
        connection = found.events[0]
        assert isinstance(connection, ConnectionEvent)
        assert connection.timestamp == written["timestamp"] == pytest.approx(record["score"])
        assert (connection.script_name, connection.function_name) == (written["script"], written["function"])
        assert found.total == written["stats"]["total_events"]
        assert len(found.events) == (2 if written["direction"] == "duration_recorded" else 1)


def test_a_model_call_is_told_apart_from_the_connection_event_beside_it() -> None:
    connection, call = decode_member(member(), NOW).events
    assert isinstance(connection, ConnectionEvent)
    assert call == DurationEvent(
        model="kimi-k2", duration_ms=1500.0, timestamp=T, provider="kimi", prompt_tokens=100, completion_tokens=50,
        request_type="text_only", connection_type="kimi", script_name="adaptive_timeout.py",
        function_name="record_duration",
    )  # fmt: skip


def test_a_model_call_with_an_error_text_has_failed() -> None:
    call = decode_member(member(error="TimeoutError: slow"), NOW).events[1]
    assert call.outcome == "error"


def test_a_member_without_totals_is_an_event_all_the_same() -> None:
    assert decode_member(member(stats=None), NOW).total == 0


@pytest.mark.parametrize("metadata", [{"model": 3}, {"prompt_tokens": -1}, {"prompt_tokens": "many"}, {"x": [1]}])
def test_the_metadata_of_an_ordinary_event_may_hold_anything(metadata: dict[str, Any]) -> None:
    assert len(decode_member(member(direction="send", metadata=metadata), NOW).events) == 1


@pytest.mark.parametrize(
    ("changed", "field", "reason"),
    [
        ({"timestamp": 12}, "timestamp", "out_of_range"),
        ({"timestamp": 4_102_444_800}, "timestamp", "out_of_range"),
        ({"connection_type": None}, "connection_type", "wrong_type"),
        ({"data_size_bytes": -1}, "data_size_bytes", "out_of_range"),
    ],
)
def test_a_bad_member_names_its_field(changed: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        decode_member(member(**changed), NOW)
    assert (refused.value.field, refused.value.reason) == (field, reason)
