"""A gateway at work: writes to Redis what ConnectionMonitor writes, in its batches, at a fixed rate."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from random import Random
from typing import Any, cast

from redis import Redis

from benchmarks.workload import Workload, label_sets
from exporter.demo.members import Member, RunningTotals, member, of_connection
from exporter.demo.redis_writer import events_key, stats_key

EVENTS_A_SECOND = 1000
_EVENTS_A_WRITE = 100
_WRITE_EVERY_S = _EVENTS_A_WRITE / EVENTS_A_SECOND
_WRITES_HELD = 10
"""Writes that may overtake each other: events arrive up to some seconds late, and out of order."""

_EXPIRES_S = 24 * 3600


class Gateway:
    """Writes events of many label sets."""

    def __init__(self, url: str, functions: int) -> None:
        self._redis = Redis.from_url(url)
        self._traffic = Workload(label_sets(functions))
        self._totals: dict[str, RunningTotals] = {}
        self._held: list[list[Member]] = []
        self._random = Random(4)

    def write_history(self, seconds: float) -> int:
        """Writes what the last `seconds` would have left; returns how many events."""
        start = time.time() - seconds
        writes = int(seconds / _WRITE_EVERY_S)
        for number in range(writes):
            self._tick(start + number * _WRITE_EVERY_S)
        self._write_all()
        return writes * _EVENTS_A_WRITE

    def work(self, seconds: float) -> int:
        """Writes at the full rate for so long; returns how many events."""
        began = time.monotonic()
        writes = int(seconds / _WRITE_EVERY_S)
        for number in range(writes):
            time.sleep(max(0.0, began + number * _WRITE_EVERY_S - time.monotonic()))
            self._tick(time.time())
        self._write_all()
        return writes * _EVENTS_A_WRITE

    def _tick(self, now: float) -> None:
        """Records the events since the last tick, and writes one of the batches that wait."""
        events = json.loads(self._traffic.batches(1, _EVENTS_A_WRITE)[0])
        ages = (_WRITE_EVERY_S * (1 - number / _EVENTS_A_WRITE) for number in range(_EVENTS_A_WRITE))
        self._held.append([self._member(event, now - age) for event, age in zip(events, ages, strict=True)])
        if len(self._held) > _WRITES_HELD:
            self._write(self._held.pop(self._random.randrange(_WRITES_HELD)))

    def _write_all(self) -> None:
        while self._held:
            self._write(self._held.pop())

    def _write(self, members: Sequence[Member]) -> None:
        with self._redis.pipeline(transaction=False) as pipeline:
            for kind in {written.connection_type for written in members}:
                self._add(pipeline, kind, [written for written in members if written.connection_type == kind])
            pipeline.execute()

    def _member(self, event: dict[str, Any], timestamp: float) -> Member:
        kind = event["connection_type"]
        whole = {"response_time_ms": None, "error": None, **event, "timestamp": timestamp}
        totals = self._totals.setdefault(kind, RunningTotals(kind))
        return member(of_connection(cast(Any, whole)), totals)

    @staticmethod
    def _add(pipeline: Any, kind: str, members: Sequence[Member]) -> None:
        pipeline.zadd(events_key(kind), {written.text: written.score for written in members})
        pipeline.expire(events_key(kind), _EXPIRES_S)
        pipeline.hset(stats_key(kind), mapping=members[-1].stats)


def work(url: str, functions: int, seconds: float) -> int:
    """A gateway that works for so long, for a process of its own."""
    return Gateway(url, functions).work(seconds)
