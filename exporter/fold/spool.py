"""What is to be kept in PostgreSQL waits here, on disk, until it is there.

The fold hands over each error and each trace once, behind its look for repeats. They are saved with the next
checkpoint, in the same transaction as the counts and the positions, so that none is lost or kept twice. The
writer's position says how far PostgreSQL has them; the checkpoint that saves it deletes them here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from exporter.events import CacheEvent, ConnectionEvent, HttpEvent, TraceEvent
from exporter.redaction import redact
from exporter.types import Move

WRITER = "postgres_writer"
"""The source name of the writer: its batches carry its position and its counts."""

ROW = "row"
"""The part of its position: the last row of the spool that PostgreSQL has."""

Kept = ConnectionEvent | CacheEvent | HttpEvent | TraceEvent

LONGEST_TEXT = 40_000
"""Characters of a text that are redacted and spooled; the writer cuts it further."""

_MOST_UNSAVED = 5000
"""Between two checkpoints: more at once would hold up the pushes that share the commit."""

TEXTS = ("error", "error_message", "error_traceback")
"""The fields of events that hold free text."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Kept).decode

_WANTED: dict[type, Callable[[Any], object]] = {
    ConnectionEvent: lambda event: event.error or event.direction == "error",
    CacheEvent: lambda event: event.operation == "error" or event.error_type,
    HttpEvent: lambda event: event.error,
    # Without layers, it says no more than the series do.
    TraceEvent: lambda event: event.spans,
}


def is_kept(event: object) -> bool:
    """Return whether PostgreSQL gets a row of the event."""
    wanted = _WANTED.get(type(event))
    return wanted is not None and bool(wanted(event))


class Spooled(NamedTuple):
    """An event on disk, and its row; no event: another version wrote it in a way that cannot be read."""

    row: int
    event: Kept | None


class Spool:
    """Takes what is to be kept, up to `most` events that PostgreSQL does not have yet."""

    def __init__(self, most: int, waiting: int = 0) -> None:
        self.written = 0
        self._most = most
        self._taken = waiting
        self._unsaved: list[Kept] = []

    @property
    def waiting(self) -> int:
        """Events that PostgreSQL does not have; `written` is raised by the writer's thread alone."""
        return max(0, self._taken - self.written)

    def keep(self, event_type: type, events: Sequence[Any]) -> int:
        """Takes those of the events that are kept, while there is room; returns how many were dropped."""
        wanted = _WANTED.get(event_type)
        chosen = [event for event in events if wanted(event)] if wanted else []
        if not chosen:
            return 0
        room = max(0, min(self._most - self.waiting, _MOST_UNSAVED - len(self._unsaved)))
        self._unsaved += chosen[:room]
        self._taken += min(room, len(chosen))
        return max(0, len(chosen) - room)

    def take_unsaved(self) -> list[Kept]:
        """What has come since the last time, to be saved by the caller."""
        unsaved, self._unsaved = self._unsaved, []
        return unsaved


def table_of(event_type: type) -> str:
    """The table that an event of this type is kept in."""
    return "traces" if event_type is TraceEvent else "errors"


def write_spool(connection: sqlite3.Connection, events: Sequence[Kept], moves: dict[str, Move]) -> None:
    """Saves events, and deletes what PostgreSQL has, inside the caller's transaction."""
    connection.executemany("INSERT INTO spool (event) VALUES (?)", ((_pack(_redacted(event)),) for event in events))
    row = moves.get(WRITER, {}).get(ROW)
    if row:
        connection.execute("DELETE FROM spool WHERE id <= ?", (int(row),))


def count_spooled(connection: sqlite3.Connection, row: int) -> int:
    """How many events lie behind that row."""
    return int(connection.execute("SELECT count(*) FROM spool WHERE id > ?", (row,)).fetchone()[0])


def delete_spooled(connection: sqlite3.Connection, conversation: str) -> int:
    """Delete the events of a conversation, and those of its traces, from every spool; return how many there were."""
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%spool'")
    return sum(_delete_from(connection, table, conversation) for (table,) in found.fetchall())


def _delete_from(connection: sqlite3.Connection, table: str, conversation: str) -> int:
    rows = connection.execute(f"SELECT id, event FROM {table}").fetchall()  # noqa: S608 - a name of our own schema
    events = {row: _read(packed) for row, packed in rows}
    of_it = {row for row, event in events.items() if getattr(event, "conversation_id", None) == conversation}
    traces = {getattr(events[row], "trace_id", None) for row in of_it} - {None}
    of_it |= {row for row, event in events.items() if getattr(event, "trace_id", None) in traces}
    connection.executemany(f"DELETE FROM {table} WHERE id = ?", ((row,) for row in of_it))  # noqa: S608
    return len(of_it)


def read_spool(path: Path, row: int, most: int) -> Iterator[Spooled]:
    """Events behind that row, oldest first; may be called from any thread."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT id, event FROM spool WHERE id > ? ORDER BY id LIMIT ?", (row, most))
        for number, packed in rows:
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
