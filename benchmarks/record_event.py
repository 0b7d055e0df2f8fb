"""record_event beside seven other threads that record, in µs, and the import of the client, in ms."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram

from benchmarks.figures import Figure, Goal, Peer, alone, middle, percentile
from benchmarks.processes import LOOPBACK, free_port, running
from benchmarks.scale import Scale
from exporter.client import ConnectionMonitor
from exporter.client.monitor_settings import MonitorSettings

THREADS = 8
_CALLS = 20_000
_PACED_CALLS = 2_000
_PAUSE_S = 0.001
_WITHIN_S = 300.0
_IMPORTED = "import time{}\nbegan = time.perf_counter()\n{}\nprint(time.perf_counter() - began)"
_MODULES = (
    "asgi", "connection_monitor", "model_calls", "predictions", "process_gauges", "request_tracer",
    "semaphore_tracker", "snapshots", "timeouts", "trackers", "websocket_tracker", "wsgi",
)  # fmt: skip
"""What an application imports that uses every instrument."""

_IMPORTS = {
    "ConnectionMonitor": "from exporter.client import ConnectionMonitor",
    "every instrument": f"from exporter.client import {', '.join(_MODULES)}",
}

Call = Callable[[], None]


def measure(scale: Scale, directory: Path) -> Iterator[Figure]:
    """Calls flat out, and at some thousand a second, while what they record is written to a Redis beside them."""
    if shutil.which("redis-server") is None:
        raise FileNotFoundError("redis-server is missing: apt-get install redis-server")
    flat_out, paced = _CALLS * scale.repetitions // THREADS, _PACED_CALLS * scale.repetitions // THREADS
    yield from _figures(f"record_event, {THREADS} threads flat out", flat_out, 0.0, directory)
    yield from _figures(f"record_event, {THREADS} threads of up to 1,000/s", paced, _PAUSE_S, directory)
    for what, statement in _IMPORTS.items():
        yield _import(what, statement, scale.repetitions)


def _figures(name: str, calls: int, pause_s: float, directory: Path) -> Iterator[Figure]:
    nothing, stock = _times(lambda: None, calls, pause_s), _times(_stock_call(), calls, pause_s)
    ours = _our_times(calls, pause_s, directory)
    for peer, theirs in (("nothing", nothing), ("prometheus-client alone", stock)):
        yield _beside(f"{name}, p50", middle(ours), "µs", Peer(peer, middle(theirs)), Goal(3, "≤"))
        yield _beside(f"{name}, p99", percentile(ours, 0.99), "µs", Peer(peer, percentile(theirs, 0.99)), Goal(20, "≤"))
    yield alone(f"{name}, p99.9", percentile(ours, 0.999), "µs")


def _our_times(calls: int, pause_s: float, directory: Path) -> list[float]:
    port = free_port()
    argv = ["redis-server", "--bind", LOOPBACK, "--port", str(port), "--dir", str(directory), "--save", ""]
    with running(argv, port, directory):
        settings = MonitorSettings(f"redis://{LOOPBACK}:{port}/0", capacity=THREADS * calls)
        monitor = ConnectionMonitor(settings=settings)
        times = _times(lambda: _record(monitor), calls, pause_s)
        monitor.shutdown(_WITHIN_S)
    delivered = monitor.get_summary()["delivered_events"]
    if delivered != THREADS * calls:
        raise RuntimeError(f"of {THREADS * calls} events {delivered} were written")
    return times


def _record(monitor: ConnectionMonitor) -> None:
    monitor.record_event("kimi", "send", "kimi_provider.py", "chat", 1024, response_time_ms=850.0)


def _stock_call() -> Call:
    """An event counted and timed, and nothing else kept of it."""
    registry = CollectorRegistry()
    events = Counter("events", "Events.", ("connection_type", "direction", "script", "function"), registry=registry)
    seconds = Histogram("response_seconds", "Seconds.", ("connection_type", "function"), registry=registry)

    def call() -> None:
        events.labels("kimi", "send", "kimi_provider.py", "chat").inc()
        seconds.labels("kimi", "chat").observe(0.85)

    return call


def _times(call: Call, calls: int, pause_s: float) -> list[float]:
    """Microseconds of each call by the caller's clock, with whatever interrupts it and the clock's own time."""
    ready, found = threading.Barrier(THREADS), list[list[int]]()

    def work() -> None:
        clock, times = time.perf_counter_ns, [0] * calls
        ready.wait()
        for number in range(calls):
            if pause_s:
                time.sleep(pause_s)
            began = clock()
            call()
            times[number] = clock() - began
        found.append(times)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [nanoseconds / 1000 for times in found for nanoseconds in times]


def _import(what: str, statement: str, repetitions: int) -> Figure:
    """In processes of their own, their files in the page cache."""
    ours = _IMPORTED.format(", prometheus_client", statement)
    theirs = _IMPORTED.format("", "import prometheus_client")
    _milliseconds(ours)
    value = middle([_milliseconds(ours) for _ in range(repetitions)])
    peer = Peer("prometheus-client's own", middle([_milliseconds(theirs) for _ in range(repetitions)]))
    return _beside(f"import of {what} beyond prometheus-client", value, "ms", peer, Goal(50, "≤"))


def _milliseconds(program: str) -> float:
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return float(done.stdout) * 1000


def _beside(name: str, value: float, unit: str, peer: Peer, goal: Goal) -> Figure:
    """A figure that has a bound of its own, and says how many times the peer's it is."""
    assert peer.value is not None
    ratio = value / max(peer.value, 0.001)
    return Figure(name, value, unit, peer.name, peer.value, ratio, str(goal), goal.is_met(value))
