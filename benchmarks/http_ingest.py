"""Through HTTP and the journal: events that a CPU second of the whole server process acknowledges durably."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, Goal, alone, middle
from benchmarks.ingest import EVENTS_A_BATCH
from benchmarks.load import clients
from benchmarks.processes import exporter
from benchmarks.scale import Scale
from benchmarks.workload import Workload, label_sets


def measure(scale: Scale, directory: Path) -> Iterator[Figure]:
    """One figure."""
    traffic = Workload(label_sets(scale.narrow_functions))
    rates = []
    with exporter(directory) as server, clients() as load:
        load.push_all(server.port, list(traffic.all(EVENTS_A_BATCH)))
        for _ in range(scale.repetitions):
            batches = traffic.batches(2 * scale.batches, EVENTS_A_BATCH)
            began = server.cpu_s()
            load.push_all(server.port, batches)
            rates.append(len(batches) * EVENTS_A_BATCH / max(0.01, server.cpu_s() - began))
    yield alone("through HTTP and the journal", middle(rates), "events/CPU s", Goal(100_000, "≥"))
