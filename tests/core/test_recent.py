"""The ring of recent events stays within its bounds and tells readers what they missed."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.decode.canonical import decode
from exporter.events import ConnectionEvent
from exporter.fold.recent import MOST_BYTES, MOST_EVENTS, MOST_UNREAD, Outcome, RecentEvents, Run
from exporter.types import Batch
from tests.core.examples import T, gauge, minimal

MIB = 1024 * 1024


def appended(ring: RecentEvents, *names: str) -> None:
    events = [ConnectionEvent(name, "send", T) for name in names]
    ring.append(Batch("http", events, received=T), [Run(Outcome.COUNTED, list(events))])


def names(ring: RecentEvents, after: int = 0, limit: int = 100) -> list[str]:
    return [entry.event.connection_type for entry in ring.after(after, limit).entries]


def test_entries_are_read_in_pages() -> None:
    ring = RecentEvents()
    appended(ring, "a", "b")
    appended(ring, "c")
    assert (names(ring, 0, 2), names(ring, 2, 2), names(ring, 3)) == (["a", "b"], ["c"], [])
    assert [entry.sequence for entry in ring.after(1, 100).entries] == [2, 3]
    assert (ring.newest, ring.after(0, 2).newest, ring.after(0, 2).missed) == (3, 3, 0)


def test_an_entry_says_where_it_came_from_and_what_became_of_it() -> None:
    ring = RecentEvents()
    event = ConnectionEvent("a", "send", T)
    ring.append(Batch("redis_zset", [event], received=T + 1), [Run(Outcome.COMPARED, [event])])
    assert ring.after(0, 1).entries == [(1, T + 1, "redis_zset", Outcome.COMPARED, event)]


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), max_size=12), st.integers(1, 9), st.integers(0, 60)
)
def test_the_newest_events_stay(batches: list[list[int]], most: int, after: int) -> None:
    ring = RecentEvents(most)
    everything: list[str] = []
    for sizes in batches:
        runs = []
        for size in filter(None, sizes):
            run = [f"{len(everything) + number}" for number in range(size)]
            everything += run
            runs.append(Run(Outcome.COUNTED, [ConnectionEvent(name, "send", T) for name in run]))
        if runs:
            ring.append(Batch("http", received=T), runs)
    gone = max(0, len(everything) - most)
    found = ring.after(after, 1000)
    assert [entry.event.connection_type for entry in found.entries] == everything[max(gone, after) :]
    assert [entry.sequence for entry in found.entries] == list(range(max(gone, after) + 1, len(everything) + 1))
    assert (found.missed, found.newest) == (max(0, gone - after), len(everything))


def test_a_batch_that_is_too_large_by_itself_keeps_its_newest_events() -> None:
    ring = RecentEvents(most_bytes=20_000)
    appended(ring, "before")
    events = [ConnectionEvent(f"{number}", "send", T, error="x" * 1000) for number in range(50)]
    ring.append(Batch("http", events, received=T, size=60_000), [Run(Outcome.COUNTED, list(events))])
    kept = names(ring)
    assert 0 < len(kept) < 20
    assert kept == [f"{number}" for number in range(50)][-len(kept) :]
    assert ring.after(0, 0).missed == 51 - len(kept)
    appended(ring, "after")
    assert names(ring)[-1] == "after"


def test_an_event_that_is_too_large_by_itself_is_not_kept() -> None:
    ring = RecentEvents(most_bytes=20_000)
    appended(ring, "before", "x" * 30_000)
    assert (names(ring), ring.newest, ring.after(0, 1).missed) == ([], 2, 2)


@pytest.mark.parametrize(("later_s", "kept"), [(59, 3000), (61, MOST_UNREAD)])
def test_fewer_events_stay_while_nobody_reads(later_s: float, kept: int) -> None:
    ring = RecentEvents()
    appended(ring, "a")
    ring.read_at = T
    events = [ConnectionEvent("b", "send", T)] * 3000
    ring.append(Batch("http", received=T + later_s), [Run(Outcome.COUNTED, list(events))])
    assert names(ring, 0, 5000).count("b") == kept
    assert ring.after(0, 0).missed == 3001 - min(3001, kept + (later_s < 60))


NESTED: dict[str, Any] = {}
for _ in range(3):
    NESTED = {"ports": {str(port): NESTED for port in range(8)}}

HOSTILE: dict[str, Callable[[int], dict[str, Any]]] = {
    "long tracebacks": lambda n: minimal("connection", error_traceback=f"{n}" + "x" * 50_000),
    "wide characters": lambda n: minimal("connection", error_traceback=f"\N{GRINNING FACE}{n}" + "x" * 5_000),
    "many short texts": lambda n: minimal("connection", script_name=f"s{n}", function_name=f"f{n}", event_id=f"{n}"),
    "nested readings": lambda n: gauge("websocket", NESTED, instance=f"{n}"),
    "rejected items": lambda n: {"kind": "connection", "connection_type": n, "text": "x" * 5_000},
    "traces of many spans": lambda n: minimal(
        "trace", trace_id=f"{n}", spans=[{"layer": "tool", "start_time": T, "end_time": T}] * 200
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_its_memory_stays_within_the_bound(name: str) -> None:
    bound = 4 * MIB
    ring = RecentEvents(most_bytes=bound)
    bodies = [json.dumps([HOSTILE[name](20 * batch + n) for n in range(20)]).encode() for batch in range(300)]
    gc.collect()
    tracemalloc.start()
    try:
        for body in bodies:
            found = decode(body, T)
            runs = [Run(Outcome.COUNTED, list(found.events)), Run(Outcome.REJECTED, list(found.rejections))]
            batch = Batch("http", (), received=T, size=len(body))
            ring.append(batch, [run for run in runs if run.events])
            del found, runs
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held <= bound
    assert ring.after(0, 10_000).entries


def test_the_bounds_are_those_of_the_docs() -> None:
    assert (MOST_EVENTS, MOST_UNREAD, MOST_BYTES) == (10_000, 1000, 32 * MIB)
