"""ConnectionMonitor among processes: forks, the end of a program, what is left behind, what is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis import Redis

from exporter.client import ConnectionMonitor, arrivals
from exporter.client.monitor_settings import MonitorSettings
from tests import servers
from tests.client.doubles import fork, left
from tests.servers import ROOT, free_port, wait_until
from tests.sinks import HttpSink

PREFORK = """
import os, sys, threading
from exporter.client.connection_monitor import get_monitor, record_kimi_event

record_kimi_event("send", "by the master", 1)
for worker in range(3):
    if os.fork() == 0:
        def work():
            for number in range(100):
                record_kimi_event("send", f"by worker {worker}", 1)
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert get_monitor().get_stats("kimi")["total_events"] == 400
        sys.exit()
for _ in range(3):
    assert os.wait()[1] == 0
"""


def run(program: str, timeout_s: float = 20, **environment: str) -> str:
    """What a program of its own prints."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("REDIS_", "EXAI_"))}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={**inherited, **environment}, timeout=timeout_s,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def functions(server: servers.Redis) -> list[str]:
    """The functions of the members of type kimi."""
    with Redis.from_url(server.url) as client:
        members: Any = client.zrange("connection_monitor:kimi:events", 0, -1)
    return sorted(json.loads(member)["function"] for member in members)


def test_nothing_is_lost_at_the_end_of_a_program(redis_server: servers.Redis) -> None:
    run(
        "from exporter.client.connection_monitor import record_kimi_event\n"
        "for number in range(1000):\n    record_kimi_event('send', 'chat', number)\n",
        REDIS_URL=redis_server.url,
    )
    assert len(functions(redis_server)) == 1000


def test_a_redis_that_is_away_does_not_hold_up_the_end_of_a_program() -> None:
    began = time.monotonic()
    run(
        "from exporter.client.connection_monitor import record_kimi_event\nrecord_kimi_event('send', 'chat', 1)\n",
        REDIS_URL=f"redis://127.0.0.1:{free_port()}/0",
    )
    assert time.monotonic() - began < 8


def test_preforked_workers_write_their_own_events_once(redis_server: servers.Redis) -> None:
    run(PREFORK, REDIS_URL=redis_server.url)
    workers = [f"by worker {worker}" for worker in range(3) for _ in range(400)]
    assert functions(redis_server) == ["by the master", *workers]


def test_a_child_that_is_forked_amid_everything_works(redis_server: servers.Redis) -> None:
    settings = MonitorSettings(redis_server.url, flush_interval_s=0.01)
    monitor, done = ConnectionMonitor(settings=settings), threading.Event()

    def work() -> None:
        while not done.wait(0.0001):
            monitor.record_event("kimi", "send", "s", "parent", 1, error=ValueError("bad"))
            monitor.get_summary()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        assert [in_child(monitor, number) for number in range(15)] == [0] * 15
    finally:
        done.set()
        for thread in threads:
            thread.join()
    monitor.shutdown()
    found = functions(redis_server)
    assert [name for name in found if name != "parent"] == sorted(f"child {number}" for number in range(15))
    assert found.count("parent") == monitor.get_stats("kimi")["total_events"]


def test_a_lock_of_the_package_redis_that_is_held_amid_a_fork_holds_up_no_child(redis_server: servers.Redis) -> None:
    monitor = ConnectionMonitor(redis_server.url)
    monitor.record_event("kimi", "send", "s", "parent", 1)
    assert monitor.flush()
    with held_by_another_thread(lock_of_the_pool(monitor)):
        assert in_child(monitor, 1) == 0
    monitor.shutdown()
    assert functions(redis_server) == ["child 1", "parent"]


@contextmanager
def held_by_another_thread(lock: Any) -> Iterator[None]:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        yield
    finally:
        done.set()
        thread.join()


def lock_of_the_pool(monitor: ConnectionMonitor) -> Any:
    """Of the connections to Redis; the client itself is left to nobody but the monitor."""
    return monitor._arrivals.outlet._sets._client.connection_pool._lock  # type: ignore[attr-defined]


def in_child(monitor: ConnectionMonitor, number: int) -> int:
    """The exit status of a child that records one event: 0 if all went well."""
    child = fork()
    if child == 0:
        try:
            monitor.record_event("kimi", "send", "s", f"child {number}", 1)
            well = monitor.get_stats("kimi")["total_events"] == 1 and monitor.flush(10)
            os._exit(0 if well else 1)
        finally:
            os._exit(2)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        threading.Event().wait(0.01)
    os.kill(child, 9)
    return os.waitpid(child, 0)[1]


@pytest.mark.parametrize("away", [False, True])
def test_nothing_is_left_after_shutdown(redis_server: servers.Redis, away: bool) -> None:
    before = left()
    url = f"redis://127.0.0.1:{free_port()}/0" if away else redis_server.url
    monitor = ConnectionMonitor(settings=MonitorSettings(url, flush_interval_s=0.01))
    for number in range(500):
        monitor.record_event("kimi", "send", "s", "f", number)
    monitor.get_historical_data()
    wait_until(lambda: monitor.get_summary()["waiting_events"] == 0 or away, what="all is written")
    assert left()[0] > before[0]
    monitor.shutdown(1.0)
    assert left() == before
    monitor.record_event("kimi", "send", "s", "f", 1)
    assert monitor.get_stats("kimi")["total_events"] == 501
    assert monitor.get_summary()["dropped_events"] == (501 if away else 1)
    monitor.shutdown()
    assert left() == before


def test_nothing_is_left_when_the_exporter_was_used() -> None:
    before = left()
    monitor = ConnectionMonitor("", f"http://127.0.0.1:{free_port()}")
    monitor.record_event("kimi", "send", "s", "f", 1)
    monitor.shutdown(0.2)
    assert left() == before


def test_a_monitor_that_rests_has_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "_IDLE_TICKS", 1)
    monitor = ConnectionMonitor("")

    def resting() -> bool:
        return all(thread.name != "exai-monitor" for thread in threading.enumerate())

    for number in range(3):
        monitor.record_event("kimi", "send", "s", "f", number)
        assert not resting()
        wait_until(resting, what="the thread ends")
    assert monitor.get_stats("kimi")["total_events"] == 3
    monitor.shutdown()


@pytest.mark.parametrize("way", ["redis", "exporter"])
def test_no_thread_of_ours_loads_a_module(redis_server: servers.Redis, http_sink: HttpSink, way: str) -> None:
    """A process that is forked while another thread loads one never gets it."""
    url = (redis_server.url if way == "redis" else http_sink.url).replace("127.0.0.1", "localhost")
    program = (
        "import sys\nfrom exporter.client import ConnectionMonitor\n"
        f"monitor = ConnectionMonitor({way}_url={url!r})\nbefore = set(sys.modules)\n"
        "monitor.record_event('kimi', 'error', 's', 'f', 1, error=ValueError('bad'))\n"
        "monitor.increment_active_connections('kimi')\nassert monitor.flush()\n"
        "print(sorted(set(sys.modules) - before))\n"
    )
    assert run(program).strip() == "[]"


def test_importing_the_package_loads_no_monitor() -> None:
    program = "import sys, exporter.client\nprint(sorted(name for name in sys.modules if name.startswith('exporter.')))"
    assert run(program).strip() == "['exporter.client']"


def test_an_event_that_is_recorded_while_the_program_ends_is_delivered(http_sink: HttpSink) -> None:
    run(
        "import atexit\n"
        "from exporter.client.timeouts import TimeoutClient\n"
        f"client = TimeoutClient({http_sink.url!r})\n"
        "atexit.register(lambda: client.record({'kind': 'duration', 'model': 'm', 'duration_ms': 1}))\n"
    )
    assert [event["model"] for body in http_sink.bodies for event in body] == ["m"]
