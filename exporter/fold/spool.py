"""Spools: events that are to become rows in PostgreSQL wait here, on disk, until they are there.

The fold hands over each event once, after it has looked for repeats. Events are saved with the next checkpoint, in the
same transaction as the counts and the positions, so that none is lost or kept twice. The writer's position says how
far PostgreSQL has each spool; the checkpoint that saves it deletes them here.

Each spool has a table and a bound of its own, so that a flood of one kind of events never pushes out another.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from exporter.events import CacheEvent, ConnectionEvent, DurationEvent, HttpEvent, TraceEvent
from exporter.redaction import redact
from exporter.types import Move

WRITER = "postgres_writer"
"""The source name of the writer: its batches carry its position and its counts."""

Kept = ConnectionEvent | CacheEvent | HttpEvent | TraceEvent | DurationEvent

LONGEST_TEXT = 40_000
"""Characters of a text that are redacted and spooled; the writer cuts it further."""

TEXTS = ("error", "error_message", "error_traceback")
"""The fields of events that hold free text."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Kept).decode


@dataclass(frozen=True, slots=True, eq=False)
class SpoolTable:
    """A table of the store, and which events wait there.

    `row_part` is the part of the writer's position that holds the last row that PostgreSQL has. `tables` names the
    table in PostgreSQL for each event type, and `unreadable_as` the one under which unreadable events are counted.
    At most `most_unsaved` events are taken between two checkpoints: more at once would hold up the pushes that share
    the commit.
    """

    name: str
    row_part: str
    tables: Mapping[type, str]
    wanted: Mapping[type, Callable[[Any], object]]
    unreadable_as: str
    most_unsaved: int

    def table_of(self, event_type: type) -> str:
        """Return the table in PostgreSQL that events of this type go to."""
        return self.tables.get(event_type, self.unreadable_as)


ERRORS_AND_TRACES = SpoolTable(
    name="spool",
    row_part="row",
    tables={ConnectionEvent: "errors", CacheEvent: "errors", HttpEvent: "errors", TraceEvent: "traces"},
    wanted={
        ConnectionEvent: lambda event: event.error or event.direction == "error",
        CacheEvent: lambda event: event.operation == "error" or event.error_type,
        HttpEvent: lambda event: event.error,
        # Without layers, it says no more than the series do.
        TraceEvent: lambda event: event.spans,
    },
    unreadable_as="errors",
    most_unsaved=5000,
)


def _calls(name: str, row_part: str, wanted: Callable[[DurationEvent], bool]) -> SpoolTable:
    return SpoolTable(
        name=name,
        row_part=row_part,
        tables={DurationEvent: "model_calls"},
        wanted={DurationEvent: wanted},
        unreadable_as="model_calls",
        most_unsaved=20_000,
    )


FAILED_CALLS = _calls("failed_call_spool", "failed_call_row", lambda call: call.outcome != "ok")
CALLS = _calls("call_spool", "call_row", lambda call: call.outcome == "ok")
SPOOL_TABLES = (ERRORS_AND_TRACES, FAILED_CALLS, CALLS)
"""All of them, in the order in which they are written."""


def is_kept(event: object) -> bool:
    """Return whether PostgreSQL gets a row of the event."""
    tests = (table.wanted.get(type(event)) for table in SPOOL_TABLES)
    return any(test(event) for test in tests if test)


class Spooled(NamedTuple):
    """An event on disk, and its row; no event: another version wrote it in a way that cannot be read."""

    row: int
    event: Kept | None


class Spool:
    """Takes the events of a table, up to `most` that PostgreSQL does not have yet."""

    def __init__(self, table: SpoolTable, most: int, waiting: int = 0) -> None:
        self.table = table
        self.written = 0
        self._most = most
        self._taken = waiting
        self._unsaved: list[Kept] = []

    @property
    def waiting(self) -> int:
        """Events that PostgreSQL does not have; `written` is raised by the writer's thread alone."""
        return max(0, self._taken - self.written)

    @property
    def wants_a_checkpoint(self) -> bool:
        """Whether so many events are unsaved that the next ones may find no room."""
        return 4 * len(self._unsaved) >= self.table.most_unsaved

    def keep(self, event_type: type, events: Sequence[Any]) -> int:
        """Takes those of the events that are kept, while there is room; returns how many were dropped."""
        wanted = self.table.wanted.get(event_type)
        chosen = [event for event in events if wanted(event)] if wanted else []
        if not chosen:
            return 0
        room = max(0, min(self._most - self.waiting, self.table.most_unsaved - len(self._unsaved)))
        self._unsaved += chosen[:room]
        self._taken += min(room, len(chosen))
        return max(0, len(chosen) - room)

    def take_unsaved(self) -> list[Kept]:
        """Return what has come since the last call; the caller saves it."""
        unsaved, self._unsaved = self._unsaved, []
        return unsaved


class Unsaved(NamedTuple):
    """Events that a checkpoint brings into a table."""

    table: SpoolTable
    events: list[Kept]


def write_spools(connection: sqlite3.Connection, unsaved: Sequence[Unsaved], moves: dict[str, Move]) -> None:
    """Saves events, and deletes what PostgreSQL has, inside the caller's transaction."""
    for table, events in unsaved:
        packed = ((_pack(_redacted(event)),) for event in events)
        connection.executemany(f"INSERT INTO {table.name} (event) VALUES (?)", packed)  # noqa: S608
    move = moves.get(WRITER, {})
    for table in SPOOL_TABLES:
        if row := move.get(table.row_part):
            connection.execute(f"DELETE FROM {table.name} WHERE id <= ?", (int(row),))  # noqa: S608


def count_spooled(connection: sqlite3.Connection, table: SpoolTable, row: int) -> int:
    """How many events lie behind that row."""
    query = f"SELECT count(*) FROM {table.name} WHERE id > ?"  # noqa: S608
    return int(connection.execute(query, (row,)).fetchone()[0])


def delete_spooled(connection: sqlite3.Connection, conversation: str) -> int:
    """Delete the events of a conversation, and those of its traces, from every spool; return how many there were."""
    traces = {
        getattr(event, "trace_id", None)
        for table in SPOOL_TABLES
        for _, event in _all(connection, table)
        if _is_of(event, conversation)
    } - {None}
    return sum(_delete_from(connection, table, conversation, traces) for table in SPOOL_TABLES)


def _delete_from(connection: sqlite3.Connection, table: SpoolTable, conversation: str, traces: Set[str | None]) -> int:
    rows = [
        (row,)
        for row, event in _all(connection, table)
        if _is_of(event, conversation) or getattr(event, "trace_id", None) in traces
    ]
    connection.executemany(f"DELETE FROM {table.name} WHERE id = ?", rows)  # noqa: S608 - a name of our own schema
    return len(rows)


def _all(connection: sqlite3.Connection, table: SpoolTable) -> Iterator[tuple[int, Kept | None]]:
    rows = connection.execute(f"SELECT id, event FROM {table.name}")  # noqa: S608 - a name of our own schema
    return ((row, _read(packed)) for row, packed in rows)


def _is_of(event: Kept | None, conversation: str) -> bool:
    return getattr(event, "conversation_id", None) == conversation


def read_spool(path: Path, table: SpoolTable, row: int, most: int) -> Iterator[Spooled]:
    """Events behind that row, oldest first; may be called from any thread."""
    query = f"SELECT id, event FROM {table.name} WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        for number, packed in connection.execute(query, (row, most)):
            yield Spooled(number, _read(packed))


def _read(packed: bytes) -> Kept | None:
    try:
        event: Kept = _unpack(packed)
    except msgspec.DecodeError:
        return None
    return event


def _redacted(event: Kept) -> Kept:
    texts = {name: redact(text[:LONGEST_TEXT]) for name in TEXTS if (text := getattr(event, name, None))}
    return msgspec.structs.replace(event, **texts) if texts else event
