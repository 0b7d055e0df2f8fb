"""Durable acknowledgements while 100,000 series are scraped: how long they take, how many there are, what they mean."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

from benchmarks import disk
from benchmarks.client import Connection, Scraper
from benchmarks.figures import Figure, Goal, alone, middle, percentile
from benchmarks.load import Ack, Clients, clients
from benchmarks.processes import Process, exporter
from benchmarks.scale import Scale
from benchmarks.workload import LabelSet, Workload, busy, label_sets

EVENTS_A_BATCH = 100
BATCHES_A_SECOND = 200
CONNECTIONS = 16
_LARGE_BATCH = 1000
_DISTINCT_BATCHES = 500
_SLOW_DISK_MS = 5.0
_PROBE = LabelSet("websocket", "send", "probe.py", "probe")


def measure(scale: Scale, directory: Path) -> Iterator[Figure]:
    """Latency and the disk's part in it, throughput, visibility."""
    sets = label_sets(scale.functions, scale.scripts)
    traffic = Workload(busy(sets))
    with exporter(directory) as server, clients() as load:
        load.push_all(server.port, list(Workload(sets).all(_LARGE_BATCH)))
        yield from _latency(scale, directory, server, load, traffic)
        yield _visibility(scale, server, load, traffic)
        yield from _throughput(scale, server, load, traffic)


def steady(scale: Scale, server: Process, load: Clients, traffic: Workload) -> Future[list[Ack]]:
    """20,000 events/s in batches of 100, which change a seventh of the series between two scrapes."""
    batches = traffic.batches(_DISTINCT_BATCHES, EVENTS_A_BATCH)
    return load.steadily(server.port, batches, BATCHES_A_SECOND, scale.seconds, CONNECTIONS)


def _latency(scale: Scale, directory: Path, server: Process, load: Clients, traffic: Workload) -> Iterator[Figure]:
    pushing = steady(scale, server, load, traffic)
    scraper = Scraper(server.port)
    with disk.fsync_times(directory) as fsyncs:
        while not pushing.done():
            scraper.scrape(squeeze=True)
            _wait(pushing, scale.scrape_every_s)
    took = [ack.took_ms for ack in pushing.result()]
    fsync = middle(fsyncs)
    fast_disk = fsync <= _SLOW_DISK_MS
    yield alone(f"fsync beside it ({disk.name(directory)}), median", fsync, "ms")
    yield alone(f"fsync beside it ({disk.name(directory)}), longest", max(fsyncs), "ms")
    yield alone("push acknowledged, median", middle(took), "ms")
    condition = f" where fsync ≤ {_SLOW_DISK_MS:g} ms"
    p99 = percentile(took, 0.99)
    yield alone("push acknowledged, p99", p99, "ms", Goal(20, "≤", condition=condition), applies=fast_disk)
    longest = Goal(100, "≤", condition=condition)
    yield alone("push acknowledged, longest", max(took), "ms", longest, applies=fast_disk)


def _wait(pushing: Future[list[Ack]], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not pushing.done():
        time.sleep(0.05)


def _visibility(scale: Scale, server: Process, load: Clients, traffic: Workload) -> Figure:
    """The longest time from an acknowledgement to the end of the scrape that shows it, under the same load."""
    pushing = steady(scale, server, load, traffic)
    scraper, took_ms = Scraper(server.port), []
    with Connection(server.port) as connection:
        for number in range(1, 3 * scale.repetitions):
            connection.push(traffic.batch([_PROBE]))
            acknowledged = time.monotonic()
            while f'script="probe.py",function="probe"}} {number}\n' not in (seen := scraper.scrape(squeeze=True)).text:
                assert time.monotonic() < acknowledged + 10, "an acknowledged event is not shown"
            took_ms.append((seen.ended - acknowledged) * 1000)
            time.sleep(0.1)
    pushing.result()
    return alone("acknowledged event is in /metrics, longest", max(took_ms), "ms", Goal(100, "≤"))


def _throughput(scale: Scale, server: Process, load: Clients, traffic: Workload) -> Iterator[Figure]:
    for size, goal in ((_LARGE_BATCH, Goal(100_000, "≥")), (EVENTS_A_BATCH, None)):
        batches = traffic.batches(scale.batches * CONNECTIONS // 4, size)
        rates = [load.flat_out(server.port, batches, CONNECTIONS, scale.window_s).result() * size for _ in range(3)]
        yield alone(f"16 clients flat out, batches of {size}", middle(rates), "events/s", goal)
