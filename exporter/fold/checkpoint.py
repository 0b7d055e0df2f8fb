"""What of the state goes to disk, and how it comes back.

`take` runs in the fold's thread and only copies; `write` runs in the journal's and does the work.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog

from exporter.calls import Learner
from exporter.conventions import FAMILIES, Family
from exporter.fold.apply import Fold
from exporter.fold.children import Child, Gauge, Histogram, combined
from exporter.fold.first_calls import FirstCallRow
from exporter.fold.repeats import WINDOW_S
from exporter.fold.spool import Unsaved, write_spools
from exporter.fold.state import ChildRow
from exporter.fold.store import delete, insert
from exporter.types import Move

log = structlog.get_logger()

_LARGEST_INTEGER = 2**63 - 1
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of what has changed since the last one, and the positions that belong to it."""

    at: float
    new_rows: list[ChildRow]
    values: list[tuple[int, Any]]
    removed_rows: list[int]
    released: list[str]
    totals: dict[str, tuple[float, float] | None]
    repeats: list[str]
    learned: dict[str, bytes]
    selected: dict[str, bytes]
    first_calls: list[FirstCallRow]
    moves: dict[str, Move]
    spooled: list[Unsaved]
    written: Future[None] = field(default_factory=Future)


def take(fold: Fold, moves: dict[str, Move], now: float) -> Snapshot:
    """Copies what is unsaved, and counts it as saved: the caller sees to it that it is written."""
    state = fold.state
    values = [(child.row, _copy(child)) for child in state.unsaved]
    for child in state.unsaved:
        child.unsaved = False
    snapshot = Snapshot(
        now,
        state.new_rows,
        values,
        state.removed_rows,
        state.released,
        fold.totals.unsaved,
        fold.repeats.unsaved,
        fold.learner.take_unsaved() if fold.learner else {},
        fold.selection.take_unsaved(),
        fold.first_calls.take_unsaved(),
        moves,
        [Unsaved(spool.table, events) for spool in fold.spools if (events := spool.take_unsaved())],
    )
    state.unsaved, state.new_rows, state.removed_rows, state.released = [], [], [], []
    fold.totals.unsaved, fold.repeats.unsaved = {}, []
    state.generation += 1
    return snapshot


def _copy(child: Child) -> Any:
    if isinstance(child, Histogram):
        return float(child.value), child.counts[:]
    if isinstance(child, Gauge):
        return child.readings.copy()
    return child.value


def write(connection: sqlite3.Connection, snapshot: Snapshot) -> None:
    """Writes the snapshot inside the caller's transaction."""
    children = ((row, name, "\n".join(labels), *rest) for row, name, labels, *rest in snapshot.new_rows)
    insert(connection, "child", children)
    insert(connection, "child_value", ((row, _encode(value)) for row, value in snapshot.values))
    for table in ("child", "child_value"):
        delete(connection, table, snapshot.removed_rows)
    for source in snapshot.released:
        connection.execute("UPDATE child SET holder = '' WHERE holder = ?", (source,))
    _write_totals(connection, snapshot.totals)
    if snapshot.repeats:
        connection.execute("INSERT INTO repeat (at, ids) VALUES (?, ?)", (snapshot.at, _pack(snapshot.repeats)))
    connection.execute("DELETE FROM repeat WHERE at < ?", (snapshot.at - 2 * WINDOW_S,))
    insert(connection, "learned", snapshot.learned.items())
    insert(connection, "selected", snapshot.selected.items())
    insert(connection, "first_call", snapshot.first_calls)
    write_spools(connection, snapshot.spooled, snapshot.moves)
    for source, move in snapshot.moves.items():
        _write_move(connection, source, move)


def _write_totals(connection: sqlite3.Connection, totals: dict[str, tuple[float, float] | None]) -> None:
    insert(connection, "total", ((name, *total) for name, total in totals.items() if total))
    for name in (name for name, total in totals.items() if not total):
        connection.execute("DELETE FROM total WHERE reporter = ?", (name,))


def _encode(value: Any) -> Any:
    if isinstance(value, int):
        return value if value <= _LARGEST_INTEGER else float(value)
    return value if isinstance(value, float) else _pack(value)


def _write_move(connection: sqlite3.Connection, source: str, move: Move) -> None:
    kept = [(source, part, value) for part, value in move.items() if value is not None]
    insert(connection, "position", kept)
    for part, value in move.items():
        if value is None:
            connection.execute("DELETE FROM position WHERE source = ? AND part = ?", (source, part))


def read_positions(connection: sqlite3.Connection) -> dict[str, dict[str, bytes]]:
    """Every source's saved position."""
    positions: dict[str, dict[str, bytes]] = {}
    for source, part, value in connection.execute("SELECT source, part, value FROM position"):
        positions.setdefault(source, {})[part] = value
    return positions


def restore(connection: sqlite3.Connection, fold: Fold) -> None:
    """Reads the saved state back into an empty fold."""
    saved_bounds = {name: msgspec.json.decode(text) for name, text in connection.execute("SELECT * FROM layout")}
    stale: list[tuple[int, Any]] = []
    columns = "id, family, labels, holder, created, value"
    rows = connection.execute(f"SELECT {columns} FROM child JOIN child_value USING (id)")  # noqa: S608 - a constant
    for row, name, joined, holder, created, value in rows:
        family, labels = FAMILIES.get(name), tuple(joined.split("\n")) if joined else ()
        if family is None or family.live or len(labels) != len(family.labels):
            log.warning("a saved series is not in the catalogue any more", family=name)
            continue
        child = fold.state.restore(family, ChildRow(row, name, labels, holder, created))
        _fill(child, family, value, saved_bounds.get(name))
        if isinstance(child, Histogram) and tuple(saved_bounds.get(name, ())) != family.buckets:
            stale.append((row, _encode(_copy(child))))
    for reporter, timestamp, total in connection.execute("SELECT reporter, timestamp, value FROM total"):
        fold.totals.known[reporter] = (timestamp, total)
    for at, ids in connection.execute("SELECT at, ids FROM repeat ORDER BY id"):
        fold.repeats.restore(_unpack(ids), at)
    for model, value in connection.execute("SELECT model, value FROM selected"):
        fold.selection.restore(model, value)
    for row in connection.execute("SELECT slot, number, conversation, value FROM first_call ORDER BY number"):
        fold.first_calls.restore(FirstCallRow(*row))
    if fold.learner:
        _restore_learned(connection, fold.learner)
    bounds = {family.name: list(family.buckets) for family in FAMILIES.values() if family.buckets}
    if stale or bounds != saved_bounds:
        _write_layout(connection, stale, bounds)


def _restore_learned(connection: sqlite3.Connection, learner: Learner) -> None:
    for name, value in connection.execute("SELECT name, value FROM learned"):
        try:
            learner.restore(name, value)
        except ValueError as error:
            log.warning("what was learned by another version is learned anew", name=name, error=str(error))


def _write_layout(connection: sqlite3.Connection, stale: list[tuple[int, Any]], bounds: dict[str, list[float]]) -> None:
    """Puts the bounds and what is counted under them on the disk together; a start without a change writes nothing."""
    layout = [(name, msgspec.json.encode(under).decode()) for name, under in bounds.items()]
    connection.execute("BEGIN IMMEDIATE")
    insert(connection, "child_value", stale)
    insert(connection, "layout", layout)
    connection.execute("COMMIT")


def _fill(child: Child, family: Family, value: Any, saved_bounds: list[float] | None) -> None:
    if isinstance(child, Histogram):
        child.value, counts = _unpack(value)
        child.counts = rebucket(counts, saved_bounds or family.buckets, family.buckets)
    elif isinstance(child, Gauge):
        child.readings = {name: tuple(reading) for name, reading in _unpack(value).items()}
        child.value = combined(family, child.readings)
    else:
        child.value = value


def rebucket(counts: list[int], old: list[float] | tuple[float, ...], new: tuple[float, ...]) -> list[int]:
    """Counts under new bucket bounds: each old bucket goes to the first new one that covers it."""
    if tuple(old) == new:
        return counts
    moved = [0] * (len(new) + 1)
    for bound, count in zip((*old, float("inf")), counts, strict=True):
        moved[bisect_left(new, bound)] += count
    return moved
