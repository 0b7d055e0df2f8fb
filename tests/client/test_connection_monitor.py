"""ConnectionMonitor answers as the gateway's own does, the gateway's known defects excepted."""

from __future__ import annotations

import inspect
import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from exporter.client import ConnectionMonitor, connection_monitor
from exporter.client.arrivals import MOST_NOTES

EVENT = [
    "timestamp", "datetime", "connection_type", "direction", "script", "function", "data_size_bytes",
    "response_time_ms", "error", "metadata",
]  # fmt: skip
STATS = [
    "connection_type", "total_events", "total_sent_bytes", "total_received_bytes", "total_errors",
    "avg_response_time_ms", "last_event_timestamp", "active_connections",
]  # fmt: skip
SUMMARY = [
    "total_events", "connection_types", "stats", "active_connections", "buffer_size", "buffer_usage", "redis_enabled",
    "redis_queue_size", "redis_circuit_breaker",
]  # fmt: skip
SCRIPTS = {
    "websocket": "ws_server.py",
    "redis": "storage_backend.py",
    "supabase": "supabase_client.py",
    "kimi": "kimi_provider",
    "glm": "glm_provider",
}


@pytest.fixture
def monitor() -> Iterator[ConnectionMonitor]:
    """One that keeps everything in memory."""
    monitor = ConnectionMonitor("")
    yield monitor
    monitor.shutdown()


def record(monitor: ConnectionMonitor, connection_type: str = "kimi", direction: str = "send", **more: Any) -> None:
    """An event of ten bytes."""
    monitor.record_event(connection_type, direction, "script.py", "function", 10, **more)


@pytest.mark.parametrize(
    ("call", "signature"),
    [
        ("record_event", "connection_type direction script_name function_name data_size_bytes "
         "response_time_ms=None error=None metadata=None"),
        ("record_duration", "model duration_ms prompt_tokens=None completion_tokens=None request_type='text_only' "
         "metadata=None"),
        ("increment_active_connections", "connection_type"),
        ("decrement_active_connections", "connection_type"),
        ("get_stats", "connection_type=None"),
        ("get_recent_events", "connection_type=None limit=100"),
        ("get_summary", ""),
        ("get_historical_data", "connection_type=None hours=24"),
        ("get_time_series_data", "connection_type interval_minutes=5 hours=24"),
        ("export_json", "filepath"),
    ],
)  # fmt: skip
def test_a_call_is_made_as_before(call: str, signature: str) -> None:
    parameters = inspect.signature(getattr(ConnectionMonitor, call)).parameters.values()
    told = (
        f"{one.name}" if one.default is one.empty else f"{one.name}={one.default!r}"
        for one in parameters
        if one.name != "self"
    )
    assert " ".join(told) == signature


def test_an_event_is_shown_as_it_was_recorded(monitor: ConnectionMonitor) -> None:
    before = time.time()
    monitor.record_event("redis", "receive", "storage_backend.py", "get", 37, 2.5, None, {"conversation_id": "c-1"})
    [event] = monitor.get_recent_events()
    assert list(event) == EVENT
    assert before <= event["timestamp"] <= time.time()
    assert datetime.fromisoformat(event["datetime"]).timestamp() == pytest.approx(event["timestamp"], abs=1e-5)
    assert list(event.values())[2:] == [
        "redis", "receive", "storage_backend.py", "get", 37, 2.5, None, {"conversation_id": "c-1"}
    ]  # fmt: skip


def test_what_was_not_told_is_none_or_empty(monitor: ConnectionMonitor) -> None:
    record(monitor)
    [event] = monitor.get_recent_events()
    assert (event["response_time_ms"], event["error"], event["metadata"]) == (None, None, {})


def test_metadata_that_changes_later_is_shown_as_it_was(monitor: ConnectionMonitor) -> None:
    metadata = {"model": "kimi-k2"}
    record(monitor, metadata=metadata)
    metadata["model"] = "glm-4"
    assert monitor.get_recent_events()[0]["metadata"] == {"model": "kimi-k2"}


def test_the_newest_events_come_first(monitor: ConnectionMonitor) -> None:
    for number in range(150):
        monitor.record_event("kimi" if number % 3 else "glm", "send", "script.py", "function", number)
    sizes = [event["data_size_bytes"] for event in monitor.get_recent_events()]
    assert sizes == list(range(149, 49, -1))
    assert [event["data_size_bytes"] for event in monitor.get_recent_events("glm", 2)] == [147, 144]
    assert monitor.get_recent_events("no such type") == []


def test_the_last_10000_events_are_kept_and_all_are_counted(monitor: ConnectionMonitor) -> None:
    for _ in range(10_050):
        record(monitor)
    assert len(monitor.get_recent_events(limit=20_000)) == 10_000
    summary = monitor.get_summary()
    assert (summary["total_events"], summary["buffer_size"], summary["buffer_usage"]) == (10_000, 10_000, 10_000)
    assert summary["stats"]["kimi"]["total_events"] == 10_050


def test_events_keep_their_order_on_a_clock_that_stands_still(
    monitor: ConnectionMonitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
    for _ in range(100):
        record(monitor)
    times = [event["timestamp"] for event in monitor.get_recent_events()]
    assert len(set(times)) == 100
    assert times == sorted(times, reverse=True)
    assert times[0] - times[-1] < 0.001


def test_a_clock_that_is_set_back_is_believed(monitor: ConnectionMonitor, monkeypatch: pytest.MonkeyPatch) -> None:
    for now in (1_800_000_000.0, 1_799_999_000.0):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        record(monitor)
        assert monitor.get_recent_events()[0]["timestamp"] == now


def test_stats_are_the_fields_of_the_gateways_hash(monitor: ConnectionMonitor) -> None:
    record(monitor, direction="send")
    record(monitor, direction="receive")
    record(monitor, direction="receive")
    record(monitor, direction="error", error="ValueError: bad")
    record(monitor, direction="send", error="an error text is no event of direction error")
    stats = monitor.get_stats("kimi")
    newest = monitor.get_recent_events()[0]["timestamp"]
    assert list(stats) == STATS
    assert list(stats.values()) == ["kimi", 5, 20, 20, 1, 0.0, newest, 0]
    assert monitor.get_stats() == {"kimi": stats}
    assert monitor.get_stats("glm") == {}


def test_each_direction_of_the_dashboard_has_its_bytes(monitor: ConnectionMonitor) -> None:
    record(monitor, direction="outbound")
    record(monitor, direction="inbound")
    record(monitor, direction="duration_recorded")
    stats = monitor.get_stats("kimi")
    assert (stats["total_sent_bytes"], stats["total_received_bytes"]) == (10, 10)


def test_open_connections_are_never_less_than_none(monitor: ConnectionMonitor) -> None:
    monitor.decrement_active_connections("kimi")
    for _ in range(3):
        monitor.increment_active_connections("kimi")
    monitor.increment_active_connections("glm")
    monitor.decrement_active_connections("glm")
    monitor.decrement_active_connections("glm")
    record(monitor)
    assert monitor.get_summary()["active_connections"] == {"kimi": 3, "glm": 0}
    assert monitor.get_stats("kimi")["active_connections"] == 3
    monitor.decrement_active_connections("kimi")
    assert monitor.get_stats("kimi")["active_connections"] == 2


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("kimi-k2", "kimi"), ("k2-thinking", "kimi"), ("Moonshot-v1", "kimi"), ("glm-4.6", "glm"),
        ("zhipu-ai", "glm"), ("gpt-5", "unknown"),
    ],
)  # fmt: skip
def test_a_duration_is_an_event_of_the_models_provider(monitor: ConnectionMonitor, model: str, provider: str) -> None:
    monitor.record_duration(model, 1250.5, 100, 20, "file_based", {"request_id": "r-1"})
    [event] = monitor.get_recent_events(provider)
    assert list(event.values())[3:] == [
        "duration_recorded",
        "adaptive_timeout.py",
        "record_duration",
        120,
        1250.5,
        None,
        {
            "adaptive_timeout": True,
            "model": model,
            "request_type": "file_based",
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "adaptive_timeout_ms": 1250.5,
            "request_id": "r-1",
        },
    ]


def test_a_call_that_failed_is_sent_with_the_type_of_its_error(monitor: ConnectionMonitor) -> None:
    more = {"direction": "duration_recorded", "response_time_ms": 5.0, "metadata": {"model": "kimi-k2"}}
    record(monitor, error="Error code: 401 - {}", **more)
    record(monitor, **more)
    with monitor._arrivals.settled() as ledger:
        (_, failed), (_, well) = [event.canonical() for event in list(ledger.last)[-2:]]
    assert (failed["outcome"], failed["error"]) == ("error", "Error code: 401 - {}")
    assert failed["error_type"] == "unauthorized"
    assert (well["outcome"], "error_type" in well) == ("ok", False)


def test_the_metadata_of_a_call_is_sent_as_fields_of_its_own(monitor: ConnectionMonitor) -> None:
    told = {
        "tool_name": "chat",
        "thinking_mode": "high",
        "finish_reason": "stop",
        "conversation_id": "c",
        "trace_id": "t",
    }
    monitor.record_duration("kimi-k2", 10.0, metadata={**told, "other": "x"})
    with monitor._arrivals.settled() as ledger:
        _, call = ledger.last[-1].canonical()
    assert {field: call[field] for field in told} == told
    assert "other" not in call


def test_tokens_of_a_duration_are_no_bytes(monitor: ConnectionMonitor) -> None:
    monitor.record_duration("kimi-k2", 10.0)
    [event] = monitor.get_recent_events()
    assert (event["data_size_bytes"], event["metadata"]["prompt_tokens"]) == (0, None)
    monitor.record_duration("kimi-k2", 10.0, 5, 7)
    stats = monitor.get_stats("kimi")
    assert (stats["total_sent_bytes"], stats["total_received_bytes"], stats["total_events"]) == (0, 0, 2)


def test_the_summary_of_a_monitor_in_memory(monitor: ConnectionMonitor) -> None:
    record(monitor, "kimi")
    record(monitor, "glm")
    monitor.increment_active_connections("kimi")
    summary = monitor.get_summary()
    assert list(summary)[: len(SUMMARY)] == SUMMARY
    assert [summary[key] for key in SUMMARY] == [
        2, ["kimi", "glm"], monitor.get_stats(), {"kimi": 1}, 10_000, 2, False, 0, "closed"
    ]  # fmt: skip
    assert summary["dropped_events"] == 0


def test_without_redis_there_is_no_history(monitor: ConnectionMonitor) -> None:
    record(monitor)
    assert monitor.get_historical_data() == []
    assert monitor.get_time_series_data("kimi") == {}


def test_the_export_holds_the_summary_and_the_1000_newest(monitor: ConnectionMonitor, tmp_path: Path) -> None:
    for number in range(1200):
        monitor.record_event("kimi", "send", "script.py", "function", number, metadata={"at": object()})
    path = tmp_path / "export.json"
    monitor.export_json(str(path))
    report = json.loads(path.read_text())
    assert list(report) == ["summary", "recent_events"]
    assert report["summary"]["total_events"] == 1200
    assert [event["data_size_bytes"] for event in report["recent_events"]] == list(range(1199, 199, -1))


@pytest.mark.parametrize("service", SCRIPTS)
def test_a_service_has_its_own_call_and_script(
    monitor: ConnectionMonitor, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    monkeypatch.setattr(connection_monitor, "_monitors", {"": monitor})
    getattr(connection_monitor, f"record_{service}_event")("send", "call", 7, response_time_ms=1.5, error="Bad: x")
    getattr(monitor, f"record_{service}_event")("send", "call", 7, response_time_ms=1.5, error="Bad: x")
    first, second = monitor.get_recent_events()
    assert list(first.values())[2:] == [service, "send", SCRIPTS[service], "call", 7, 1.5, "Bad: x", {}]
    assert list(second.values())[2:] == list(first.values())[2:]


def test_there_is_one_monitor_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PERSISTENCE_ENABLED", "false")
    monkeypatch.setattr(connection_monitor, "_monitors", {})
    found = {id(connection_monitor.get_monitor()) for _ in range(3)}
    assert len(found) == 1
    connection_monitor.get_monitor().shutdown()


def test_summary_and_export_do_not_wait_for_themselves(monitor: ConnectionMonitor, tmp_path: Path) -> None:
    """The gateway's take one lock twice."""
    record(monitor)

    def ask() -> None:
        monitor.get_summary()
        monitor.export_json(str(tmp_path / "export.json"))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert (tmp_path / "export.json").exists()


def test_the_average_is_that_of_timed_events(monitor: ConnectionMonitor) -> None:
    """The gateway's divides by events without a time too."""
    for response_ms in (100.0, None, 300.0, None, 200.0):
        record(monitor, response_time_ms=response_ms)
    assert monitor.get_stats("kimi")["avg_response_time_ms"] == pytest.approx(200)


def fail(times: int) -> None:
    if times:
        fail(times - 1)
    raise ConnectionResetError("peer is gone")


def test_an_exception_keeps_its_type_its_message_and_its_traceback(monitor: ConnectionMonitor) -> None:
    """The gateway's never stores a traceback."""
    try:
        fail(2)
    except ConnectionResetError as error:
        record(monitor, direction="error", error=error)
    [event] = monitor.get_recent_events()
    assert event["error"] == "ConnectionResetError: peer is gone"
    assert event["error_type"] == "ConnectionResetError"
    assert re.match(r"Traceback .*ConnectionResetError: peer is gone\n$", event["error_traceback"], re.DOTALL)
    assert event["error_traceback"].count("in fail") == 3


def test_the_text_of_an_exception_that_is_handled_keeps_its_traceback_too(monitor: ConnectionMonitor) -> None:
    try:
        fail(0)
    except ConnectionResetError as error:
        record(monitor, direction="error", error=str(error))
        record(monitor, direction="error", error="another matter")
    other, event = monitor.get_recent_events()
    assert (event["error"], event["error_type"]) == ("peer is gone", "ConnectionResetError")
    assert "in fail" in event["error_traceback"]
    assert (other["error"], "error_type" in other) == ("another matter", False)


def test_an_exception_that_was_never_raised_has_a_type_and_a_message(monitor: ConnectionMonitor) -> None:
    record(monitor, error=KeyError("model"))
    [event] = monitor.get_recent_events()
    assert (event["error"], event["error_type"]) == ("KeyError: 'model'", "KeyError")


def test_recorded_frames_are_not_kept_alive(monitor: ConnectionMonitor) -> None:
    import weakref

    class Large:
        pass

    def handle() -> weakref.ref[Large]:
        large = Large()
        try:
            raise ValueError("bad")
        except ValueError as error:
            record(monitor, error=error)
        return weakref.ref(large)

    large = handle()
    monitor.get_stats()
    assert large() is None


def test_no_event_of_many_threads_is_lost_in_memory(monitor: ConnectionMonitor) -> None:
    each = MOST_NOTES // 2

    def work() -> None:
        for _ in range(each):
            record(monitor, response_time_ms=1.0)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stats = monitor.get_stats("kimi")
    assert (stats["total_events"], stats["total_sent_bytes"]) == (8 * each, 80 * each)
