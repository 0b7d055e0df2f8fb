"""Every benchmark by name: one more file, one more line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks import (
    checkpoint,
    contention,
    database,
    estimates,
    http_ingest,
    ingest,
    memory,
    middleware,
    push,
    record_event,
    redis_restarts,
    scrape,
    timeouts,
    zset,
)
from benchmarks.figures import Figure
from benchmarks.scale import Scale

Benchmark = Callable[[Scale, Path], Iterator[Figure]]
"""Measures at that scale, with a directory for its files."""

BENCHMARKS: Mapping[str, Benchmark] = {
    "ingest": ingest.measure,
    "http_ingest": http_ingest.measure,
    "scrape": scrape.measure,
    "contention": contention.measure,
    "push": push.measure,
    "memory": memory.measure,
    "checkpoint": checkpoint.measure,
    "zset": zset.measure,
    "database": database.measure,
    "timeouts": timeouts.measure,
    "estimates": estimates.measure,
    "middleware": middleware.measure,
    "record_event": record_event.measure,
    "redis_restarts": redis_restarts.measure,
}
