"""The state directory: one exporter at a time, and what it left there last time."""

from __future__ import annotations

import fcntl
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TextIO

from exporter import storage
from exporter.auditor.store import ObservationStore
from exporter.decode.canonical import decode
from exporter.fold.apply import Fold
from exporter.fold.checkpoint import restore
from exporter.fold.journal import PUSHED, ROW
from exporter.fold.loop import Loop
from exporter.fold.spool import delete_spooled
from exporter.fold.store import StoreError, empty_log, open_store, pushed_after
from exporter.settings import SettingsError
from exporter.types import Batch, StoreFull

STORE = "exporter.sqlite3"


class AlreadyRunning(SettingsError):
    """Another exporter uses the state directory."""


def lock(state_dir: Path) -> TextIO:
    """Holds the state directory's lock until the file is closed or the process ends."""
    try:
        file = (state_dir / "lock").open("a")
    except OSError as error:
        raise SettingsError(storage.explain(error, state_dir, "state_dir")) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise AlreadyRunning(
            f"state_dir: another exporter uses {state_dir}. Stop it, or name another directory"
        ) from error
    return file


def open_state(path: Path, fold: Fold) -> sqlite3.Connection:
    """Opens the store and reads the state back."""
    try:
        connection = open_store(path)
        restore(connection, fold)
    except (OSError, sqlite3.Error, StoreError) as error:
        raise SettingsError(storage.explain(error, path, "state_dir")) from error
    return connection


def replay(connection: sqlite3.Connection, loop: Loop, folded: int) -> None:
    """Folds what was acknowledged but not checkpointed; limits that came later refuse none of it."""
    for pushed in pushed_after(connection, folded):
        decoded = decode(pushed.body, pushed.at, ndjson=pushed.ndjson, most=sys.maxsize - 1)
        move = {ROW: str(pushed.row).encode()}
        loop.replay(Batch(PUSHED, decoded.events, move, pushed.at, decoded.rejections, size=len(pushed.body)))


def open_observations(path: Path) -> ObservationStore:
    try:
        return ObservationStore(path)
    except sqlite3.Error as error:
        raise SettingsError(storage.explain(error, path, "state_dir")) from error


def delete_from_store(path: Path, conversation: str) -> int:
    """Delete the spooled events of a conversation; return how many there were.

    Raises:
        StoreFull: nothing is deleted.
    """
    try:
        with closing(open_store(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            deleted = delete_spooled(connection, conversation)
            connection.execute("COMMIT")
            empty_log(connection)
    except sqlite3.Error as error:
        raise StoreFull(str(error)) from error
    return deleted
