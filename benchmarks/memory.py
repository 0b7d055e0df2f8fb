"""Memory of 100,000 series: what each costs, and the most that the process took while they were scraped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.client import Scraper
from benchmarks.figures import Figure, Goal, alone
from benchmarks.load import clients
from benchmarks.processes import ALLOCATOR, exporter
from benchmarks.scale import Scale
from benchmarks.workload import Workload, label_sets

_EVENTS_A_BATCH = 1000
_MEGABYTE = 1e6


def measure(scale: Scale, directory: Path) -> Iterator[Figure]:
    """A series, and the whole process."""
    argv = [sys.executable, "-m", "benchmarks.series_memory", str(scale.functions), str(scale.scripts)]
    printed = subprocess.run(argv, env={**os.environ, **ALLOCATOR}, check=True, capture_output=True).stdout
    yield alone("resident memory of a series, text included", float(printed), "bytes", Goal(300, "≤"))
    traffic = Workload(label_sets(scale.functions, scale.scripts))
    with exporter(directory) as server, clients() as load:
        load.push_all(server.port, list(traffic.all(_EVENTS_A_BATCH)))
        scraper = Scraper(server.port)
        for _ in range(scale.repetitions):
            load.push_all(server.port, traffic.batches(scale.batches // 5 + 1, _EVENTS_A_BATCH))
            scraped = scraper.scrape(squeeze=True)
        peak = server.memory_bytes("VmHWM") / _MEGABYTE
    yield alone(f"process at its peak, {scraped.series:,} series", peak, "MB", Goal(150, "≤"))
