"""The embedded store: one SQLite file that holds the saved state, the positions and the journal.

The database is in WAL mode with `synchronous=FULL`: a commit that returned is on the disk. Rows go in by
statements of many rows, since sqlite3 gives up the interpreter lock at each step and has to win it back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from exporter.conventions import OPERATION_DURATION
from exporter.fold.call_selection import switched_before

_SCHEMA = """
CREATE TABLE IF NOT EXISTS layout (family TEXT PRIMARY KEY, bounds TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS child (
    id INTEGER PRIMARY KEY, family TEXT NOT NULL, labels TEXT NOT NULL, holder TEXT NOT NULL, created REAL);
CREATE TABLE IF NOT EXISTS child_value (id INTEGER PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS total (
    reporter TEXT PRIMARY KEY, timestamp REAL NOT NULL, value NUMERIC NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (
    source TEXT NOT NULL, part TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (source, part)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS repeat (id INTEGER PRIMARY KEY, at REAL NOT NULL, ids BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS pushed (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, ndjson INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS reply (
    key TEXT PRIMARY KEY, at REAL NOT NULL, digest BLOB NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS learned (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS selected (model TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS first_call (
    slot INTEGER PRIMARY KEY, number INTEGER NOT NULL, conversation BLOB NOT NULL, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS spool (id INTEGER PRIMARY KEY AUTOINCREMENT, event BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS failed_call_spool (id INTEGER PRIMARY KEY AUTOINCREMENT, event BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS call_spool (id INTEGER PRIMARY KEY AUTOINCREMENT, event BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS reply_at ON reply (at);
"""
_VERSION = 3
_ROWS_A_STATEMENT = 400
_WAL_PAGES = 4000


class StoreError(RuntimeError):
    """The file cannot be used as a store."""


class PushedRow(NamedTuple):
    """A journalled push: its row, when it arrived (Unix seconds), and its body."""

    row: int
    at: float
    ndjson: bool
    body: bytes


def open_store(path: Path) -> sqlite3.Connection:
    """Opens the file, made if it is missing; transactions are the caller's.

    Raises:
        StoreError: it was written by a newer version.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    path.chmod(0o600)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
    # Deleted rows are overwritten, because the bodies of pushes hold private content that nothing else keeps.
    connection.execute("PRAGMA secure_delete = ON")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > _VERSION:
        raise StoreError(
            f"it was written by a newer exporter (format {version}; this one reads {_VERSION}). "
            "Upgrade the exporter, or put back the copy that you made before you upgraded"
        )
    connection.executescript(_SCHEMA)
    if version < _VERSION:
        # Only then: a full disk must not keep the exporter from starting.
        _upgrade(connection)
    return connection


def _upgrade(connection: sqlite3.Connection) -> None:
    """Brings a file of an older version, or one that has just been made, to this version in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(child)")]
    if "created" not in columns:
        # Version 1 did not say when a series was made; NULL means that this is unknown.
        connection.execute("ALTER TABLE child ADD COLUMN created REAL")
    # Before version 3, only explicit model calls were counted.
    counted = connection.execute("SELECT DISTINCT labels FROM child WHERE family = ?", (OPERATION_DURATION.name,))
    insert(connection, "selected", [switched_before(labels.split("\n")) for (labels,) in counted])
    connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")
    with suppress(sqlite3.OperationalError):
        # Older versions left the bodies of pushes in free pages. On a full disk they stay until they are overwritten.
        connection.execute("VACUUM")


def empty_log(connection: sqlite3.Connection) -> bool:
    """Move the write-ahead log into the file and empty it; return whether no reader was in the way.

    The log holds what was deleted until it is written over, which may be never in an exporter without events.
    """
    (waits_ms,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {waits_ms}")
    return not busy


def insert(connection: sqlite3.Connection, table: str, rows: Iterable[Sequence[Any]]) -> None:
    """Inserts or replaces rows, many to a statement; `table` is one of ours, never a request's word."""
    remaining = iter(rows)
    while chunk := list(islice(remaining, _ROWS_A_STATEMENT)):
        places = "(" + ",".join("?" * len(chunk[0])) + ")"
        values = ",".join([places] * len(chunk))
        flat = [value for row in chunk for value in row]
        connection.execute(f"INSERT OR REPLACE INTO {table} VALUES {values}", flat)  # noqa: S608


def delete(connection: sqlite3.Connection, table: str, rows: Iterable[int]) -> None:
    """Deletes rows by their id."""
    remaining = iter(rows)
    while chunk := list(islice(remaining, _ROWS_A_STATEMENT)):
        places = ",".join("?" * len(chunk))
        connection.execute(f"DELETE FROM {table} WHERE id IN ({places})", chunk)  # noqa: S608


def pushed_after(connection: sqlite3.Connection, row: int) -> Iterator[PushedRow]:
    """The journalled pushes behind a row, oldest first."""
    found = connection.execute("SELECT id, at, ndjson, body FROM pushed WHERE id > ? ORDER BY id", (row,))
    for number, at, ndjson, body in found:
        yield PushedRow(number, at, bool(ndjson), body)
