"""What ConnectionMonitor writes to a real Redis is what the gateway writes, and the exporter counts it once."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from exporter.client import ConnectionMonitor, outlet_choice
from exporter.client.monitor_settings import MonitorSettings
from exporter.decode.gateway import decode_member
from tests import servers
from tests.servers import free_port, wait_until

RECORDED = Path(__file__).resolve().parents[1] / "data" / "connection_monitor_redis.jsonl"
DAY = 86_400

Exporters = Callable[[Mapping[str, str]], servers.Server]


@contextmanager
def monitoring(redis_url: str = "", **settings: Any) -> Iterator[ConnectionMonitor]:
    """A monitor that writes soon."""
    settings = {"flush_interval_s": 0.05, **settings}
    monitor = ConnectionMonitor(settings=MonitorSettings(redis_url, **settings))
    try:
        yield monitor
    finally:
        monitor.shutdown(1.0)


def record(monitor: ConnectionMonitor, size: int = 10, connection_type: str = "kimi") -> None:
    monitor.record_event(connection_type, "send", "kimi.py", "chat", size, response_time_ms=5.0)


def members(server: servers.Redis, connection_type: str = "kimi") -> list[tuple[dict[str, Any], float]]:
    """The events of a sorted set, and their scores."""
    with Redis.from_url(server.url) as client:
        found: Any = client.zrange(f"connection_monitor:{connection_type}:events", 0, -1, withscores=True)
    return [(json.loads(member), score) for member, score in found]


def series(exporter: servers.Server) -> dict[str, float]:
    """What /metrics shows."""
    with urllib.request.urlopen(f"{exporter.url}/metrics", timeout=10) as reply:  # noqa: S310
        lines = reply.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def total(found: Mapping[str, float], family: str, *labels: str) -> float:
    """The sum of a family's series that have these labels."""
    return sum(value for name, value in found.items() if name.startswith(family) and all(one in name for one in labels))


def test_members_and_stats_are_in_the_gateways_format(redis_server: servers.Redis) -> None:
    recorded = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    gateways = json.loads(next(write["member"] for write in recorded if ":kimi:" in write["key"]))
    with monitoring(redis_server.url) as monitor:
        monitor.increment_active_connections("kimi")
        monitor.record_event("kimi", "send", "kimi.py", "chat", 37, 2.5, None, {"conversation_id": "c-1"})
        record(monitor, 5)
        assert monitor.flush()
        newest, shown = monitor.get_recent_events()
        [(first, score), (second, _)] = members(redis_server)
        assert list(first) == [*gateways, "event_id"]
        assert list(first["stats"]) == list(gateways["stats"])
        assert {key: first[key] for key in shown} == shown
        assert score == first["timestamp"]
        assert (first["stats"]["total_events"], second["stats"]["total_events"]) == (1, 2)
        assert second["stats"] == monitor.get_stats("kimi")
        assert newest["timestamp"] == second["timestamp"]
    with Redis.from_url(redis_server.url, decode_responses=True) as client:
        stats: Any = client.hgetall("connection_monitor:kimi:stats")
        assert stats == {key: str(value) for key, value in second["stats"].items()}
        for what in ("events", "stats"):
            assert DAY - 60 < int(str(client.ttl(f"connection_monitor:kimi:{what}"))) <= DAY


def test_members_are_read_by_the_exporters_decoder(redis_server: servers.Redis) -> None:
    with monitoring(redis_server.url) as monitor:
        record(monitor)
        monitor.record_duration("kimi-k2", 1250.0, 100, 20)
        monitor.record_event("kimi", "error", "kimi.py", "chat", 0, error=TimeoutError("too slow"))
        assert monitor.flush()
    decoded = [decode_member(json.dumps(member).encode(), time.time()) for member, _ in members(redis_server)]
    assert [found.total for found in decoded] == [1, 2, 3]
    duration = decoded[1].events[1]
    assert (duration.model, duration.prompt_tokens, duration.completion_tokens) == ("kimi-k2", 100, 20)
    assert decoded[2].events[0].error == "TimeoutError: too slow"


def test_an_exceptions_traceback_is_in_its_member(redis_server: servers.Redis) -> None:
    with monitoring(redis_server.url) as monitor:
        try:
            raise TimeoutError("too slow")
        except TimeoutError as error:
            monitor.record_event("kimi", "error", "kimi.py", "chat", 0, error=error)
        assert monitor.flush()
    [(member, _)] = members(redis_server)
    assert member["error_type"] == "TimeoutError"
    assert 'raise TimeoutError("too slow")' in member["error_traceback"]


def test_the_exporter_counts_each_event_of_many_threads_once(
    redis_server: servers.Redis, exporter_server: Exporters
) -> None:
    exporter = exporter_server({"EXAI_REDIS_URL": redis_server.url})

    def work(monitor: ConnectionMonitor) -> None:
        for number in range(1000):
            record(monitor, number)
            monitor.record_duration("glm-4", 100.0, 1, 2)

    with monitoring(redis_server.url) as monitor:
        threads = [threading.Thread(target=work, args=(monitor,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert monitor.flush(30)
        assert (monitor.get_summary()["delivered_events"], monitor.get_summary()["dropped_events"]) == (8000, 0)
        stats = monitor.get_stats("kimi")
    wait_until(lambda: total(series(exporter), "exai_connection_events_total") >= 8000, what="all are counted")
    found = series(exporter)
    assert total(found, "exai_connection_events_total", 'connection_type="kimi"', 'direction="send"') == 4000
    assert total(found, "exai_connection_bytes_total", 'connection_type="kimi"') == stats["total_sent_bytes"]
    assert total(found, "exai_connection_response_seconds_count", 'connection_type="kimi"') == 4000
    assert total(found, "gen_ai_client_operation_duration_seconds_count") == 4000
    assert total(found, "exai_exporter_source_missing_events") == 0
    assert total(found, "exai_exporter_source_late_events") == 0
    assert total(found, "exai_exporter_events_rejected_total") == 0


def test_nothing_is_lost_or_repeated_when_redis_restarts_twice(redis_server: servers.Redis) -> None:
    events, restarts = 50_000, {15_000: signal.SIGTERM, 30_000: signal.SIGKILL}
    with monitoring(redis_server.url, capacity=events) as monitor:
        for number in range(events):
            record(monitor, number)
            if number in restarts:
                wait_until(lambda: members(redis_server), what="some are written")
                assert monitor.get_summary()["redis_queue_size"] > 0
                redis_server._end(restarts[number])
                wait_until(lambda: monitor.get_summary()["waiting_events"] > 0 and not answers(redis_server))
                redis_server.start()
        assert monitor.flush(120)
        assert monitor.get_summary()["dropped_events"] == 0
    found = [member for member, _ in members(redis_server)]
    assert Counter(member["data_size_bytes"] for member in found) == Counter(range(events))
    assert len({member["event_id"] for member in found}) == events
    assert [member["stats"]["total_events"] for member in found] == list(range(1, events + 1))


def answers(server: servers.Redis) -> bool:
    return servers.redis_answers(server.port)


def test_a_batch_that_failed_is_written_once_redis_is_there(tmp_path: Path) -> None:
    """The gateway loses it."""
    port = free_port()
    with monitoring(f"redis://127.0.0.1:{port}/0") as monitor:
        for number in range(250):
            record(monitor, number)
        wait_until(lambda: monitor.get_summary()["redis_circuit_breaker"] == "open", what="the breaker opens")
        assert monitor.get_summary()["redis_queue_size"] == 250
        with servers.redis_server(tmp_path, port) as server:
            assert monitor.flush(20)
            assert [member["data_size_bytes"] for member, _ in members(server)] == list(range(250))
            assert monitor.get_summary()["redis_circuit_breaker"] == "closed"


def test_a_queue_that_is_full_drops_and_says_so() -> None:
    with monitoring(f"redis://127.0.0.1:{free_port()}/0", capacity=100) as monitor:
        for number in range(250):
            record(monitor, number)
        summary = monitor.get_summary()
        assert (summary["redis_queue_size"], summary["dropped_events"]) == (100, 150)
        assert summary["stats"]["kimi"]["total_events"] == 250
        monitor.shutdown(0.1)
        assert monitor.get_summary()["dropped_events"] == 250


def test_a_redis_that_is_away_holds_up_nobody() -> None:
    with monitoring(f"redis://127.0.0.1:{free_port()}/0") as monitor:
        record(monitor)
        wait_until(lambda: monitor.get_summary()["redis_circuit_breaker"] == "open", what="the breaker opens")
        began = time.monotonic()
        for _ in range(100):
            assert monitor.get_historical_data() == []
            assert monitor.get_time_series_data("kimi") == {}
        assert time.monotonic() - began < 1


def test_a_key_that_holds_something_else_loses_only_its_own_events(redis_server: servers.Redis) -> None:
    with Redis.from_url(redis_server.url) as client:
        client.set("connection_monitor:glm:events", "something else")
    with monitoring(redis_server.url) as monitor:
        for _ in range(3):
            record(monitor, connection_type="glm")
            record(monitor)
        assert monitor.flush()
        summary = monitor.get_summary()
    assert (summary["refused_events"], summary["delivered_events"]) == (3, 3)
    assert len(members(redis_server)) == 3


def test_a_redis_that_takes_no_writes_is_asked_again(redis_server: servers.Redis) -> None:
    with Redis.from_url(redis_server.url) as client, monitoring(redis_server.url) as monitor:
        client.config_set("maxmemory", 1)
        record(monitor)
        assert not monitor.flush(0.5)
        client.config_set("maxmemory", 0)
        assert monitor.flush()
    assert len(members(redis_server)) == 1


def test_history_is_read_back_oldest_first(redis_server: servers.Redis) -> None:
    with monitoring(redis_server.url) as monitor:
        for number in range(20):
            record(monitor, number, "kimi" if number % 2 else "a type of its own")
        assert monitor.flush()
        with Redis.from_url(redis_server.url) as client:
            client.zadd("connection_monitor:kimi:events", {"no JSON": time.time(), "[1]": time.time()})
            long_ago = time.time() - 3 * 3600
            old = json.dumps({"timestamp": long_ago, "connection_type": "kimi", "data_size_bytes": 77})
            client.zadd("connection_monitor:kimi:events", {old: long_ago})
        assert [event["data_size_bytes"] for event in monitor.get_historical_data(hours=1)] == list(range(20))
        assert [event["data_size_bytes"] for event in monitor.get_historical_data("kimi")] == [77, *range(1, 20, 2)]


def test_a_time_series_counts_by_intervals(redis_server: servers.Redis) -> None:
    start = int(time.time() // 300) * 300 - 600
    events: list[dict[str, Any]] = [
        {"timestamp": start + 1, "data_size_bytes": 10, "response_time_ms": 100, "error": None},
        {"timestamp": start + 299, "data_size_bytes": 20, "response_time_ms": None, "error": "Bad: x"},
        {"timestamp": start + 150, "data_size_bytes": 0, "response_time_ms": 300, "error": None, "direction": "error"},
        {"timestamp": start + 300, "data_size_bytes": 5, "response_time_ms": None, "error": None},
    ]
    with Redis.from_url(redis_server.url) as client, monitoring(redis_server.url) as monitor:
        client.zadd("connection_monitor:glm:events", {json.dumps(one): one["timestamp"] for one in events})
        assert monitor.get_time_series_data("glm") == {
            str(start): {"count": 3, "errors": 1, "total_bytes": 30, "avg_response_time": 200.0},
            str(start + 300): {"count": 1, "errors": 0, "total_bytes": 5, "avg_response_time": 0.0},
        }
        assert [one["count"] for one in monitor.get_time_series_data("glm", 60, 1).values()][-1] >= 1
        assert monitor.get_time_series_data("glm", 0) == {}


def test_the_environment_of_a_gateway_is_understood(
    redis_server: servers.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("REDIS_BATCH_SIZE", "ten")
    monitor = ConnectionMonitor()
    record(monitor)
    monitor.shutdown()
    assert len(members(redis_server)) == 1


def test_without_the_package_redis_events_go_to_the_exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet_choice, "find_spec", lambda _: None)
    monitor = ConnectionMonitor("redis://127.0.0.1:6379/0", f"http://127.0.0.1:{free_port()}")
    assert monitor.get_summary()["delivers_to"] == "exporter"
    monitor.shutdown(0.1)


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "http://127.0.0.1:6379"])
def test_a_url_that_is_none_keeps_events_in_memory(url: str, caplog: pytest.LogCaptureFixture) -> None:
    monitor = ConnectionMonitor(url, "no url either")
    record(monitor)
    assert monitor.get_summary()["delivers_to"] == "nowhere"
    assert monitor.get_stats("kimi")["total_events"] == 1
    assert len(caplog.messages) == 2
    monitor.shutdown()


def test_with_both_an_event_counts_once(redis_server: servers.Redis, exporter_server: Exporters) -> None:
    exporter = exporter_server({"EXAI_REDIS_URL": redis_server.url})
    with monitoring(redis_server.url, exporter_url=exporter.url) as monitor:
        for _ in range(100):
            record(monitor)
        assert monitor.flush()
    wait_until(lambda: total(series(exporter), "exai_connection_events_total") == 100, what="all are counted")
    ingested = re.compile(r'exai_exporter_events_ingested_total\{source="http"')
    assert not [name for name, value in series(exporter).items() if ingested.match(name) and value]


def test_the_exporter_takes_what_is_pushed_to_it(exporter_server: Exporters) -> None:
    exporter = exporter_server({})
    with monitoring(exporter_url=exporter.url) as monitor:
        for number in range(250):
            record(monitor, number)
        monitor.record_duration("kimi-k2", 1500.0, 100, 20)
        monitor.record_event("kimi", "error", "kimi.py", "chat", 0, error=TimeoutError("too slow"))
        assert monitor.flush()
        summary = monitor.get_summary()
    assert (summary["delivers_to"], summary["redis_enabled"], summary["redis_queue_size"]) == ("exporter", False, 0)
    assert (summary["delivered_events"], summary["refused_events"], summary["dropped_events"]) == (253, 0, 0)
    found = series(exporter)
    assert total(found, "exai_connection_events_total", 'direction="send"') == 250
    assert total(found, "exai_connection_bytes_total") == sum(range(250))
    assert total(found, "exai_connection_errors_total", 'error_type="TimeoutError"') == 1
    assert total(found, "gen_ai_client_operation_duration_seconds_count", 'gen_ai_request_model="kimi-k2"') == 1


def test_the_exporter_shows_open_connections(exporter_server: Exporters) -> None:
    exporter = exporter_server({})
    with monitoring(exporter_url=exporter.url) as monitor:
        for _ in range(3):
            monitor.increment_active_connections("kimi")
        assert monitor.flush()
        assert total(series(exporter), "exai_connections_active", 'connection_type="kimi"') == 3
        monitor.decrement_active_connections("kimi")
        assert monitor.flush()
        assert total(series(exporter), "exai_connections_active", 'connection_type="kimi"') == 2


def test_open_connections_are_in_the_stats_of_the_next_event(redis_server: servers.Redis) -> None:
    with monitoring(redis_server.url) as monitor:
        monitor.increment_active_connections("kimi")
        record(monitor)
        monitor.decrement_active_connections("kimi")
        record(monitor)
        assert monitor.flush()
    assert [member["stats"]["active_connections"] for member, _ in members(redis_server)] == [1, 0]


def test_an_exporter_that_restarts_counts_each_event_once(tmp_path: Path) -> None:
    with servers.exporter_server(tmp_path) as exporter, monitoring(exporter_url=exporter.url) as monitor:
        for number in range(2000):
            record(monitor, number)
            if number == 1000:
                wait_until(lambda: monitor.get_summary()["delivered_events"] > 0, what="some are taken")
                exporter.kill()
        exporter.start()
        assert monitor.flush(30)
        assert total(series(exporter), "exai_connection_events_total") == 2000
