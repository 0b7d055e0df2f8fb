"""Sessions, semaphores, WebSockets and pools, and the thread that sends what they measure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from exporter.client.in_flight import InFlight
from exporter.client.process_gauges import ProcessGauges
from exporter.client.semaphore_tracker import SemaphoreTracker
from exporter.client.snapshots import Snapshots
from exporter.client.timeouts import TimeoutClient
from exporter.client.trackers import PoolTracker, SessionTracker
from exporter.client.websocket_tracker import WebSocketTracker
from tests.client.doubles import Broken, Memory, child_succeeds, fork
from tests.servers import ROOT, Server, wait_until

LONG = 3600.0


@pytest.fixture
def memory() -> Memory:
    return Memory()


def measured(memory: Memory, *gauges: Any) -> list[dict[str, Any]]:
    """The events of one snapshot, which the exporter takes."""
    with Snapshots(memory, *gauges, every_s=LONG):
        pass
    return memory.taken()


class TestSessions:
    def test_the_open_ones_are_counted(self, memory: Memory) -> None:
        sessions = SessionTracker(context_limit=128_000)
        sessions.opened("a")
        for tokens in (100, 900, None):
            sessions.message("b", tokens)
        sessions.message("c", 50)
        sessions.closed("c")
        sessions.closed("never opened")
        (event,) = measured(memory, sessions)
        assert (event["subject"], event["values"]) == (
            "session",
            {
                "active_sessions": 2,
                "total_sessions": 3,
                "conversation_length": 3,
                "context_tokens_used": 900,
                "context_tokens_max": 128_000,
            },
        )

    def test_without_a_limit_none_is_told(self) -> None:
        assert "context_tokens_max" not in SessionTracker().values()


class TestSemaphores:
    def test_slots_are_told_by_port_and_provider(self, memory: Memory) -> None:
        semaphores = SemaphoreTracker()
        semaphores.limit(8079, 4)
        semaphores.limit(8079, 2, "KIMI")
        semaphores.acquired(8079)
        with semaphores.held(8079, "KIMI"), semaphores.held("8079"):
            (event,) = measured(memory, semaphores)
        assert event["values"] == {
            "ports": {"8079": {"current": 2, "limit": 4, "available": 2, "usage_percent": 50.0}},
            "providers": {"8079_KIMI": {"current": 1, "limit": 2, "available": 1}},
            "total_leaks_detected": 0,
            "health_status": "healthy",
        }
        assert semaphores.values()["ports"]["8079"]["current"] == 1

    def test_its_health_is_told(self) -> None:
        semaphores = SemaphoreTracker()
        semaphores.limit(8079, 1)
        with semaphores.held(8079):
            assert semaphores.values()["health_status"] == "warning"
        assert semaphores.values()["health_status"] == "healthy"
        semaphores.leaked()
        assert (semaphores.values()["health_status"], semaphores.values()["total_leaks_detected"]) == ("critical", 1)

    def test_a_slot_that_was_never_taken_is_not_given_back(self) -> None:
        semaphores = SemaphoreTracker()
        semaphores.limit(8079, 1)
        semaphores.released(8079)
        semaphores.acquired("unknown")
        assert semaphores.values()["ports"] == {
            "8079": {"current": 0, "limit": 1, "available": 1, "usage_percent": 0.0}
        }

    def test_a_slot_is_given_back_whatever_happens(self) -> None:
        semaphores = SemaphoreTracker()
        semaphores.limit(8079, 1)
        with pytest.raises(ValueError, match="x"), semaphores.held(8079):
            raise ValueError("x")
        assert semaphores.values()["ports"]["8079"]["available"] == 1

    def test_names_are_bounded(self, memory: Memory) -> None:
        semaphores = SemaphoreTracker()
        for port in range(100):
            semaphores.limit(port, 1)
        (event,) = measured(memory, semaphores)
        assert len(event["values"]["ports"]) == 64

    def test_threads_lose_no_slot(self) -> None:
        semaphores = SemaphoreTracker()
        semaphores.limit(8079, 8)

        def hold(_: int) -> None:
            for _ in range(500):
                with semaphores.held(8079):
                    pass

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(hold, range(8)))
        assert semaphores.values()["ports"]["8079"]["current"] == 0


class TestWebSockets:
    def test_the_health_of_a_port_is_told(self, memory: Memory) -> None:
        now = 100.0
        sockets = WebSocketTracker(clock=lambda: now)
        sockets.opened(8080)
        now = 160.0
        for ping_ms in range(1, 101):
            sockets.pinged(8080, ping_ms)
        sockets.timeout_warned(8080)
        sockets.stale(8080)
        (event,) = measured(memory, sockets)
        assert event["values"]["ports"]["8080"] == {
            "uptime_seconds": 60.0,
            "current_ping_ms": 100,
            "avg_ping_ms": 50.5,
            "p95_ping_ms": 95,
            "reconnection_count": 0,
            "timeout_warnings": 1,
            "status": "stale",
        }

    def test_opening_again_is_reconnecting(self) -> None:
        sockets = WebSocketTracker()
        sockets.opened(8080)
        sockets.stale(8080)
        sockets.opened(8080)
        values = sockets.values()["ports"]["8080"]
        assert (values["reconnection_count"], values["status"]) == (1, "connected")

    def test_a_port_that_is_not_there_is_left_out(self, memory: Memory) -> None:
        sockets = WebSocketTracker()
        sockets.pinged(8080, 1)
        sockets.timeout_warned(8080)
        sockets.stale(8080)
        sockets.opened(8081)
        sockets.closed(8081)
        assert measured(memory, sockets) == []

    @pytest.mark.parametrize("odd", [-1, float("nan"), float("inf")])
    def test_a_ping_that_is_none_is_left_out(self, odd: float) -> None:
        sockets = WebSocketTracker()
        sockets.opened(8080)
        sockets.pinged(8080, odd)
        assert "current_ping_ms" not in sockets.values()["ports"]["8080"]

    def test_the_resilient_sockets_own_export_is_sent_as_it_is(self, memory: Memory) -> None:
        export = {"connections": {"total": 3, "active": 1}, "circuit_breaker": {"state": "half_open"}}
        sockets = WebSocketTracker(export=lambda: export)
        sockets.opened(8080)
        (event,) = measured(memory, sockets)
        assert set(event["values"]) == {"connections", "circuit_breaker", "ports"}

    def test_an_export_that_raises_disturbs_nobody(self) -> None:
        sockets = WebSocketTracker(export=lambda: {"x": 1 / 0})
        sockets.opened(8080)
        assert set(sockets.values()) == {"ports"}


@pytest.mark.parametrize("odd", [None, "many", ["x"], {}, object(), 1e400])
def test_arguments_of_any_kind_disturb_nobody(memory: Memory, odd: Any) -> None:
    sessions, semaphores, sockets, in_flight = SessionTracker(), SemaphoreTracker(), WebSocketTracker(), InFlight()
    for call in (sessions.opened, sessions.message, sessions.closed, sockets.opened, sockets.stale, sockets.closed):
        call(odd)
    for call in (semaphores.acquired, semaphores.leaked, in_flight.entered, in_flight.left, sockets.timeout_warned):
        call(odd)
    sessions.message("s", odd)
    semaphores.limit(8079, odd)
    semaphores.limit(8079, 3)
    sockets.pinged(odd, odd)
    with semaphores.held(odd, odd):
        measured(memory, sessions, semaphores, sockets, in_flight)


class TestSnapshots:
    def test_everything_is_sent_from_time_to_time(self, memory: Memory) -> None:
        in_flight = InFlight()
        pool = PoolTracker("supabase", lambda: (3, -1))
        in_flight.entered("tool")
        with Snapshots(memory, in_flight, every_s=0.01) as snapshots:
            snapshots.add(pool)
            wait_until(lambda: len(memory.events) > 6, what="some snapshots")
        last = {event["subject"]: event for event in memory.taken()}
        assert last["request"]["values"] == {"in_flight": {"tool": 1}}
        assert last["pool"]["values"] == {"name": "supabase", "active": 3, "idle": 0}
        assert last["pool"]["instance"].endswith(f":{os.getpid()}")

    def test_closing_sends_a_last_time_and_leaves_no_thread(self, memory: Memory) -> None:
        before = set(threading.enumerate())
        snapshots = Snapshots(memory, SessionTracker(), every_s=LONG)
        snapshots.close()
        snapshots.close()
        assert len(memory.events) == 1
        assert set(threading.enumerate()) == before

    def test_a_tracker_that_raises_silences_nobody_else(self, memory: Memory) -> None:
        broken = PoolTracker("broken", lambda: (1 // 0, 1))
        assert [event["subject"] for event in measured(memory, broken, SessionTracker())] == ["session"]

    def test_a_recorder_that_raises_ends_no_thread(self) -> None:
        snapshots = Snapshots(Broken(), SessionTracker(), every_s=0.001)
        snapshots.send()
        assert snapshots._thread.is_alive()
        snapshots.close()

    def test_a_forked_worker_sends_its_own(self, memory: Memory) -> None:
        sessions = SessionTracker()
        sessions.opened("the parent's")
        with Snapshots(memory, sessions, every_s=0.01), sessions._lock:
            child = fork()
            if child == 0:
                memory.events.clear()
                wait_until(lambda: memory.events, what="a snapshot of the child")
                event = memory.events[0]
                mine = event["instance"].endswith(f":{os.getpid()}") and event["values"]["active_sessions"] == 0
                os._exit(0 if mine else 1)
            assert child_succeeds(child)

    def test_closed_snapshots_stay_closed_in_a_child(self, memory: Memory) -> None:
        snapshots = Snapshots(memory, every_s=LONG)
        snapshots.close()
        child = fork()
        if child == 0:
            os._exit(1 if snapshots._thread.is_alive() else 0)
        assert child_succeeds(child)

    def test_the_end_of_a_program_sends_a_last_time(self) -> None:
        program = (
            "import json\n"
            "from exporter.client.snapshots import Snapshots\n"
            "from exporter.client.trackers import SessionTracker\n"
            "class Printer:\n    def record(self, event):\n        print(json.dumps(event))\n"
            "snapshots = Snapshots(Printer(), SessionTracker(), every_s=3600)\n"
        )
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, timeout=20)
        assert json.loads(done.stdout)["subject"] == "session"

    def test_the_process_is_a_tracker_too(self, memory: Memory) -> None:
        (event,) = measured(memory, ProcessGauges("ml-api"))
        assert (event["subject"], event["values"]["service"]) == ("process", "ml-api")


def test_a_real_exporter_shows_them(exporter_server: Callable[[dict[str, str]], Server]) -> None:
    exporter = exporter_server({})
    sessions, semaphores, in_flight = SessionTracker(context_limit=128_000), SemaphoreTracker(), InFlight()
    sockets = WebSocketTracker(export=lambda: {"circuit_breaker": {"state": "half_open"}, "queue": {"current_size": 4}})
    sessions.message("c1", 900)
    semaphores.limit(8079, 4)
    semaphores.limit(8079, 2, "KIMI")
    semaphores.acquired(8079, "KIMI")
    sockets.opened(8080)
    sockets.pinged(8080, 12.5)
    in_flight.entered("ai_api")
    pool = PoolTracker("supabase", lambda: (3, 7))
    with TimeoutClient(exporter.url) as client:
        with Snapshots(client, sessions, semaphores, sockets, in_flight, pool, ProcessGauges("shop"), every_s=LONG):
            pass
        assert client.flush()
    shown = metrics(exporter)
    for line in (
        "exai_sessions_active 1",
        "exai_session_messages 1",
        "exai_session_context_tokens 900",
        "exai_session_context_limit_tokens 128000",
        'exai_semaphore_slots{scope="port",name="8079",state="limit"} 4',
        'exai_semaphore_slots{scope="provider",name="8079_KIMI",state="in_use"} 1',
        "exai_websocket_ping_seconds 0.0125",
        "exai_websocket_circuit_breaker_state 1",
        "exai_websocket_queue_messages 4",
        'exai_requests_in_flight{layer="ai_api"} 1',
        'exai_pool_connections{pool="supabase",state="active"} 3',
        'exai_pool_connections{pool="supabase",state="idle"} 7',
    ):
        assert line in shown
    for what in ("uptime_seconds", "cpu_ratio", "memory_bytes", "disk_used_ratio"):
        assert any(line.startswith(f'exai_process_{what}{{service="shop"}} ') for line in shown)


def metrics(exporter: Server) -> list[str]:
    """The lines of the exporter's page."""
    with urllib.request.urlopen(f"{exporter.url}/metrics", timeout=10) as reply:  # noqa: S310
        return list(reply.read().decode().splitlines())
