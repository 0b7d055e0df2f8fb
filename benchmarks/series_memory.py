"""Prints the resident bytes that a series costs, text included: `python -m benchmarks.series_memory FUNCTIONS SCRIPTS`.

In a process of its own, so that nothing else is in the difference: no HTTP, no journal, no scrape under way.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.processes import BUDGETS
from benchmarks.workload import Workload, label_sets, series
from exporter.decode.canonical import decode
from exporter.expose.exposition import Format
from exporter.expose.scrape import pages
from exporter.fold.apply import Fold
from exporter.fold.checkpoint import take
from exporter.fold.state import State
from exporter.types import Batch

_EVENTS_A_FIRST_BATCH = 100
_EVENTS_A_BATCH = 1000
_CHANGES = 5
_BATCHES_A_CHANGE = 20


def bytes_a_series(functions: int, scripts: int) -> float:
    """What is resident once all series were there, changed, saved and compressed some times."""
    sets = label_sets(functions, scripts)
    traffic = Workload(sets)
    fold = Fold(State(BUDGETS))
    first, *others = list(traffic.all(_EVENTS_A_FIRST_BATCH))
    _live(fold, [first])
    before = _resident()
    _live(fold, others)
    for _ in range(_CHANGES):
        _live(fold, traffic.batches(_BATCHES_A_CHANGE, _EVENTS_A_BATCH))
    return (_resident() - before) / (series(sets) - series(sets[:_EVENTS_A_FIRST_BATCH]))


def _live(fold: Fold, batches: Iterable[bytes]) -> None:
    """Folds, saves and shows."""
    for body in batches:
        fold.apply(Batch("http", decode(body, time.time()).events, received=time.time()))
    take(fold, {}, time.time())
    fold.state.place_new()
    work = pages(Format.TEXT, squeeze=True)(fold.state)
    try:
        while True:
            next(work)
    except StopIteration as end:
        for page in end.value:
            assert page.deflated


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    print(bytes_a_series(int(sys.argv[1]), int(sys.argv[2])))
