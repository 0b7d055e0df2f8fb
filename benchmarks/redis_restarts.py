"""1M events of ConnectionMonitor past two restarts of Redis: lost, repeated, not counted by the exporter."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from redis import Redis

from benchmarks.client import Scraper
from benchmarks.figures import Figure, Goal, alone
from benchmarks.processes import LOOPBACK, Process, exporter, free_port, running, wait_until
from benchmarks.scale import Scale
from exporter.client import ConnectionMonitor
from exporter.client.monitor_settings import MonitorSettings

_EVENTS_A_BATCH = 20_000
_CAPACITY = 100_000
_KEPT_WAITING = 10_000
_WITHIN_S = 900.0
_KEY = "connection_monitor:kimi:events"
_COUNTED = re.compile(r'exai_exporter_events_ingested_total\{source="redis_zset",kind="connection"\} (\d+)')


def measure(scale: Scale, directory: Path) -> Iterator[Figure]:
    """The first restart follows a kill -9, the second a SIGTERM; both while the queue holds some 10,000 events."""
    if shutil.which("redis-server") is None:
        raise FileNotFoundError("redis-server is missing: apt-get install redis-server")
    events, port = scale.batches * _EVENTS_A_BATCH, free_port()
    url = f"redis://{LOOPBACK}:{port}/0"
    with exporter(directory, redis_url=url) as reader:
        monitor = ConnectionMonitor(settings=MonitorSettings(url, capacity=_CAPACITY))
        recorder = threading.Thread(target=_record, args=(monitor, events))
        began = time.monotonic()
        recorder.start()
        for share, by in ((1 / 3, signal.SIGKILL), (2 / 3, signal.SIGTERM)):
            _live_until(monitor, round(share * events), by, port, directory, recorder)
        with _redis(port, directory):
            recorder.join()
            monitor.flush(_WITHIN_S)
            took_s = time.monotonic() - began
            found, distinct = _written(url)
            counted = _counted(reader, events)
        monitor.shutdown()
    yield alone(f"{events:,} events past two restarts of Redis, lost", events - distinct, "events", Goal(0, "≤"))
    yield alone(f"{events:,} events past two restarts of Redis, repeated", found - distinct, "events", Goal(0, "≤"))
    off = abs(events - counted)
    yield alone(f"{events:,} events past two restarts of Redis, miscounted", off, "events", Goal(0, "≤"))
    yield alone("events written past two restarts of Redis", events / took_s, "events/s")


def _record(monitor: ConnectionMonitor, events: int) -> None:
    """Numbered events, as fast as the queue holds them."""
    for number in range(events):
        monitor.record_event("kimi", "send", "kimi_provider.py", "chat", number, response_time_ms=850.0)
        while number % 1000 == 0 and monitor.get_summary()["waiting_events"] > _CAPACITY // 2:
            time.sleep(0.01)


def _live_until(
    monitor: ConnectionMonitor, written: int, by: signal.Signals, port: int, directory: Path, recorder: threading.Thread
) -> None:
    """Runs Redis until that many events are written, ends it, and waits until some wait, or all, for the next."""
    with _redis(port, directory) as server:
        wait_until(lambda: monitor.get_summary()["delivered_events"] >= written, f"{written} are written", _WITHIN_S)
        os.kill(server.pid, by)

    def enough_wait() -> bool:
        return not recorder.is_alive() or monitor.get_summary()["waiting_events"] >= _KEPT_WAITING

    wait_until(enough_wait, "events wait", _WITHIN_S)


def _redis(port: int, directory: Path) -> AbstractContextManager[Process]:
    argv = ["redis-server", "--bind", LOOPBACK, "--port", str(port), "--dir", str(directory), "--save", ""]
    return running([*argv, "--appendonly", "yes", "--appendfsync", "always"], port, directory)


def _written(url: str) -> tuple[int, int]:
    """How many members there are, and how many different events they hold."""
    numbers = set[int]()
    with Redis.from_url(url) as client:
        wait_until(lambda: _answers(client), "Redis has read its data back")
        found: Any = client.zcard(_KEY)
        for first in range(0, found, _EVENTS_A_BATCH):
            members: Any = client.zrange(_KEY, first, first + _EVENTS_A_BATCH - 1)
            numbers.update(json.loads(member)["data_size_bytes"] for member in members)
    return found, len(numbers)


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except Exception:
        return False


def _counted(reader: Process, events: int) -> int:
    """What the exporter has counted once that is all, or does not change for a while any more."""
    scraper, last, since = Scraper(reader.port), 0, time.monotonic()
    while last < events and time.monotonic() - since < 30:
        found = _COUNTED.search(scraper.scrape(squeeze=False).text)
        counted = int(found.group(1)) if found else 0
        if counted != last:
            last, since = counted, time.monotonic()
        time.sleep(0.5)
    return last
