"""The journal's thread: the one writer of the store.

Many pushes share one commit, and none is acknowledged before it; a checkpoint rides in the same
transaction. What has been folded is deleted a few rows at a time, since one large delete stalls everyone.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Thread

import structlog

from exporter.fold.checkpoint import Snapshot, write
from exporter.fold.pushes import PushTable
from exporter.fold.store import empty_log
from exporter.types import Batch, Clock, KeyReused, Push, StoreFull

log = structlog.get_logger()

PUSHED = "http"
"""The source name of what is pushed over HTTP."""

ROW = "row"
"""The part of its position: the last journal row that was folded."""

_RETRY_S = 1.0

REFUSED_LATELY_S = 10.0
"""Seconds after a refusal in which a small write that fits is no sign that there is room again."""

ERASED_EVERY_S = 60.0
"""Seconds after which the write-ahead log, which holds the bodies of pushes that were deleted, is emptied."""


@dataclass(slots=True)
class JournalHealth:
    """When the last checkpoint was written (Unix seconds), how long it took (seconds), and what was refused."""

    saved_at: float = 0.0
    took_s: float = 0.0
    failing: bool = False
    refused_at: float | None = None

    def takes_pushes(self, now: float) -> bool:
        """Whether a push would be kept, as far as the last ones tell."""
        return not self.failing and (self.refused_at is None or abs(now - self.refused_at) > REFUSED_LATELY_S)


class Journal:
    """Makes pushes and checkpoints durable, then hands the pushes to the fold in the order of their rows."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        clock: Clock,
        deliver: Callable[[Batch], None],
        saved: Callable[[Snapshot], None],
        folded_row: int,
    ) -> None:
        self.health = JournalHealth(saved_at=clock())
        self._connection = connection
        self._clock = clock
        self._deliver = deliver
        self._saved = saved
        self._inbox: SimpleQueue[Push | Snapshot | None] = SimpleQueue()
        self._unwritten: list[Snapshot] = []
        self._folded_row = folded_row
        self._pushes = PushTable(connection, folded_row)
        self._erased_at = clock()
        self._logs_bodies = True
        self._thread = Thread(target=self._run, name="journal")

    @property
    def failing(self) -> bool:
        """Whether the store took no write the last time."""
        return self.health.failing

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Writes what is queued and ends the thread."""
        self._inbox.put(None)
        self._thread.join()

    def append(self, push: Push, timeout_s: float) -> bytes:
        """Returns the reply once the push is on disk; for a repeated key, the first one's.

        Raises:
            StoreFull: it could not be written.
            KeyReused: the key came before with another body.
        """
        self._inbox.put(push)
        try:
            return push.done.result(timeout_s)
        except TimeoutError:
            if push.done.cancel():
                raise StoreFull("the store is too slow now") from None
            return push.done.result()

    def save(self, snapshot: Snapshot) -> None:
        """Queues a checkpoint; one that fails is tried again, and its `written` ends when it is on disk."""
        self._inbox.put(snapshot)

    def _run(self) -> None:
        running = True
        while running:
            pushes, running = self._collect()
            self._commit(pushes)
            self._erase()
        # The last checkpoint has told how far the pushes are folded: they can go.
        self._commit([])

    def _collect(self) -> tuple[list[Push], bool]:
        pushes: list[Push] = []
        try:
            item = self._inbox.get(timeout=_RETRY_S if self._unwritten else None)
            while item is not None:
                if isinstance(item, Push):
                    # One whose sender was told to come again is not kept after all.
                    if item.done.set_running_or_notify_cancel():
                        pushes.append(item)
                else:
                    self._unwritten.append(item)
                item = self._inbox.get_nowait()
        except Empty:
            return pushes, True
        return pushes, False

    def _commit(self, pushes: list[Push]) -> None:
        started = time.perf_counter()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            written = self._pushes.write(pushes, self._clock())
            for snapshot in self._unwritten:
                write(self._connection, snapshot)
            trimmed = self._pushes.trim(self._folded_row, len(written.kept), self._clock())
            self._connection.execute("COMMIT")
        except Exception as error:
            # Whatever it is, the thread lives on and nobody waits for an answer in vain.
            self._fail(pushes, error)
            return
        self._pushes.committed(written, trimmed)
        if written.kept:
            self._logs_bodies = True
            self.health.refused_at = None
        for row, push in written.kept:
            self._deliver(replace(push.batch, move={ROW: str(row).encode()}))
        for push, outcome in zip(pushes, written.outcomes, strict=True):
            _settle(push, outcome)
        self._finish_snapshots(started)

    def _erase(self) -> None:
        now = self._clock()
        if not self._logs_bodies or abs(now - self._erased_at) < ERASED_EVERY_S:
            return
        try:
            emptied = empty_log(self._connection)
        except sqlite3.Error as error:
            log.warning("the write-ahead log could not be emptied", error=repr(error))
            return
        if emptied:
            self._erased_at = now
            # The file holds those that are not deleted yet: once they are, the log is to be emptied again.
            self._logs_bodies = self._pushes.holds_rows

    def _fail(self, pushes: list[Push], error: Exception) -> None:
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        self.health.failing = True
        self.health.refused_at = self._clock()
        log.error("the store takes no writes", error=repr(error))
        for push in pushes:
            push.done.set_exception(StoreFull(str(error)))

    def _finish_snapshots(self, started: float) -> None:
        self.health.failing = False
        for snapshot in self._unwritten:
            row = snapshot.moves.get(PUSHED, {}).get(ROW)
            self._folded_row = int(row) if row else self._folded_row
            self.health.took_s = time.perf_counter() - started
            self.health.saved_at = snapshot.at
            snapshot.written.set_result(None)
            self._saved(snapshot)
        self._unwritten.clear()


def _settle(push: Push, outcome: bytes | KeyReused) -> None:
    if isinstance(outcome, KeyReused):
        push.done.set_exception(outcome)
    else:
        push.done.set_result(outcome)
