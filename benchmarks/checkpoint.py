"""How long a checkpoint of 5 % of 100,000 series keeps the fold waiting: its copy, and its writer's turns."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from benchmarks.figures import Figure, Goal, alone, middle
from benchmarks.processes import BUDGETS
from benchmarks.scale import Scale
from benchmarks.workload import Workload, children, label_sets
from exporter.decode.canonical import decode
from exporter.fold.apply import Fold
from exporter.fold.checkpoint import Snapshot, take
from exporter.fold.journal import Journal
from exporter.fold.state import State
from exporter.fold.store import open_store
from exporter.types import Batch

_CHANGED_CHILDREN = 0.05
_EVENTS_A_BATCH = 1000
_SWITCH_S = 0.001
"""As serve sets it."""


def measure(scale: Scale, directory: Path) -> Iterator[Figure]:
    """The copy, and the longest that a batch of ten events took while the journal's thread wrote the copy."""
    sets = label_sets(scale.functions, scale.scripts)
    traffic = Workload(sets)
    functions = int(children(sets) * _CHANGED_CHILDREN / 2)
    with _Bench(Fold(State(BUDGETS)), directory) as bench:
        for body in traffic.all(_EVENTS_A_BATCH):
            bench.fold(body)
        bench.checkpoint([])
        rounds = [
            bench.round(traffic.of_functions(functions), traffic.batches(20, 10)) for _ in range(scale.repetitions)
        ]
    yield alone("checkpoint copied in the fold's thread", middle([copied for copied, _ in rounds]), "ms", Goal(5, "≤"))
    waited = middle([longest for _, longest in rounds])
    yield alone("longest batch of ten beside its writing", waited, "ms", Goal(5, "≤"))


class _Bench:
    """A fold, and the journal that saves it."""

    def __init__(self, fold: Fold, directory: Path) -> None:
        self._fold = fold
        self._written = Event()
        self._connection = open_store(directory / "exporter.sqlite3")
        self._journal = Journal(self._connection, time.time, self._never, self._saved, 0)

    def __enter__(self) -> _Bench:
        self._switched = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_S)
        self._journal.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.stop()
        self._connection.close()
        sys.setswitchinterval(self._switched)

    def round(self, change: bytes, beside: list[bytes]) -> tuple[float, float]:
        """Changes some series and saves them: milliseconds of the copy, and of the longest fold beside it."""
        self.fold(change)
        return self.checkpoint(beside)

    def fold(self, body: bytes) -> float:
        """Folds a batch; milliseconds."""
        batch = Batch("http", decode(body, time.time()).events, received=time.time())
        began = time.perf_counter()
        self._fold.apply(batch)
        return (time.perf_counter() - began) * 1000

    def checkpoint(self, beside: list[bytes]) -> tuple[float, float]:
        """Saves what has changed and folds small batches until it is written."""
        self._written.clear()
        began = time.perf_counter()
        snapshot = take(self._fold, {}, time.time())
        copied = (time.perf_counter() - began) * 1000
        self._journal.save(snapshot)
        folded = [0.0]
        while not self._written.wait(0.0001):
            folded += [self.fold(body) for body in beside[:1]]
        return copied, max(folded)

    def _saved(self, _: Snapshot) -> None:
        self._written.set()

    @staticmethod
    def _never(_: Batch) -> None:
        raise AssertionError("nothing is pushed here")
