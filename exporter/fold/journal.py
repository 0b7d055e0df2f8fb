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
from exporter.fold.store import insert
from exporter.types import Batch, Clock, KeyReused, Push, StoreFull

log = structlog.get_logger()

PUSHED = "http"
"""The source name of what is pushed over HTTP."""

ROW = "row"
"""The part of its position: the last journal row that was folded."""

KEPT_REPLIES_S = 86_400.0
MOST_REPLIES = 1_000_000
_DELETED_A_COMMIT = 20
_RETRY_S = 1.0


REFUSED_LATELY_S = 10.0
"""Seconds after a refusal in which a small write that fits is no sign that there is room again."""


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
        last = connection.execute("SELECT max(id) FROM pushed").fetchone()[0] or 0
        self._next_row = max(last, folded_row) + 1
        self._replies = connection.execute("SELECT count(*) FROM reply").fetchone()[0]
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
        return push.done.result(timeout_s)

    def save(self, snapshot: Snapshot) -> None:
        """Queues a checkpoint. One that fails is tried again; the caller waits for `saved` before the next."""
        self._inbox.put(snapshot)

    def _run(self) -> None:
        running = True
        while running:
            pushes, running = self._collect()
            self._commit(pushes)

    def _collect(self) -> tuple[list[Push], bool]:
        pushes: list[Push] = []
        try:
            item = self._inbox.get(timeout=_RETRY_S if self._unwritten else None)
            while item is not None:
                if isinstance(item, Push):
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
            outcomes, kept = self._write_pushes(pushes)
            for snapshot in self._unwritten:
                write(self._connection, snapshot)
            trimmed = self._trim(len(kept))
            self._connection.execute("COMMIT")
        except Exception as error:
            # Whatever it is, the thread lives on and nobody waits for an answer in vain.
            self._fail(pushes, error)
            return
        self._next_row += len(kept)
        self._replies += sum(1 for _, push in kept if push.key) - trimmed
        if kept:
            self.health.refused_at = None
        for row, push in kept:
            self._deliver(replace(push.batch, move={ROW: str(row).encode()}))
        for push, outcome in zip(pushes, outcomes, strict=True):
            _settle(push, outcome)
        self._finish_snapshots(started)

    def _write_pushes(self, pushes: list[Push]) -> tuple[list[bytes | KeyReused], list[tuple[int, Push]]]:
        replies: dict[str, tuple[bytes, bytes]] = {}
        outcomes: list[bytes | KeyReused] = []
        kept: list[tuple[int, Push]] = []
        for push in pushes:
            known = (replies.get(push.key) or self._reply(push.key)) if push.key else None
            if known is not None:
                outcomes.append(known[1] if known[0] == push.digest else KeyReused(push.key))
                continue
            if push.key:
                replies[push.key] = (push.digest, push.reply)
            outcomes.append(push.reply)
            kept.append((self._next_row + len(kept), push))
        insert(self._connection, "pushed", ((r, p.batch.received, p.ndjson, p.body) for r, p in kept))
        now = self._clock()
        insert(self._connection, "reply", ((key, now, *known) for key, known in replies.items()))
        return outcomes, kept

    def _reply(self, key: str) -> tuple[bytes, bytes] | None:
        rows = self._connection.execute("SELECT digest, body FROM reply WHERE key = ?", (key,))
        return rows.fetchone()  # type: ignore[no-any-return]

    def _trim(self, added: int) -> int:
        """Deletes some of what is folded and some replies that are old; returns how many replies."""
        most = 2 * added + _DELETED_A_COMMIT
        self._connection.execute(
            "DELETE FROM pushed WHERE id IN (SELECT id FROM pushed WHERE id <= ? ORDER BY id LIMIT ?)",
            (self._folded_row, most),
        )
        excess = max(0, self._replies - MOST_REPLIES)
        gone = self._connection.execute(
            "DELETE FROM reply WHERE key IN (SELECT key FROM reply WHERE at < ? ORDER BY at LIMIT ?)",
            (self._clock() if excess else self._clock() - KEPT_REPLIES_S, excess or most),
        )
        return gone.rowcount

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
