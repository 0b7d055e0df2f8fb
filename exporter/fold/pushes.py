"""The journalled pushes and the replies to their idempotency keys, as tables of the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.fold.store import insert
from exporter.types import KeyReused, Push

KEPT_REPLIES_S = 86_400.0
MOST_REPLIES = 1_000_000
_DELETED_A_COMMIT = 20
_DELETED_WHEN_IDLE = 500
"""Rows that a commit without pushes deletes: nobody waits for it."""

_KEYS_A_TRIM = 10


@dataclass(frozen=True, slots=True)
class Written:
    """What is to become of pushes once the transaction is committed: an outcome each, and the rows of new ones."""

    outcomes: list[bytes | KeyReused]
    kept: list[tuple[int, Push]]


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What a transaction deletes: pushes up to `row`, and how many replies, None if it looked for none."""

    row: int
    replies: int | None


class PushTable:
    """Writes pushes inside the caller's transaction; its counts follow by `committed`."""

    def __init__(self, connection: sqlite3.Connection, folded_row: int) -> None:
        self._connection = connection
        first, last = connection.execute("SELECT min(id), max(id) FROM pushed").fetchone()
        self._next_row = max(last or 0, folded_row) + 1
        self._trimmed_row = first - 1 if first else folded_row
        self._keys_since_trim = 0
        self._replies = connection.execute("SELECT count(*) FROM reply").fetchone()[0]

    @property
    def holds_rows(self) -> bool:
        """Whether a push is in the journal, folded or not."""
        return self._trimmed_row < self._next_row - 1

    def write(self, pushes: Sequence[Push], now: float) -> Written:
        """Inserts the pushes whose key has not come before; the others get the first one's reply."""
        replies: dict[str, tuple[bytes, bytes]] = {}
        written = Written([], [])
        for push in pushes:
            known = (replies.get(push.key) or self._reply(push.key)) if push.key else None
            if known is not None:
                written.outcomes.append(known[1] if known[0] == push.digest else KeyReused(push.key))
                continue
            if push.key:
                replies[push.key] = (push.digest, push.reply)
            written.outcomes.append(push.reply)
            written.kept.append((self._next_row + len(written.kept), push))
        bodies = ((row, push.batch.received, push.ndjson, push.body) for row, push in written.kept)
        insert(self._connection, "pushed", bodies)
        insert(self._connection, "reply", ((key, now, *known) for key, known in replies.items()))
        return written

    def trim(self, folded_row: int, added: int, now: float) -> Trimmed:
        """Deletes some of what is folded and some replies that are old."""
        most = 2 * added + _DELETED_A_COMMIT if added else _DELETED_WHEN_IDLE
        row = min(folded_row, self._trimmed_row + most)
        if row > self._trimmed_row:
            self._connection.execute("DELETE FROM pushed WHERE id <= ?", (row,))
        # Not in every commit: each statement gives up the interpreter, and has to win it back.
        due = self._keys_since_trim >= _KEYS_A_TRIM or self._replies > MOST_REPLIES
        return Trimmed(row, self._trim_replies(now) if due else None)

    def _trim_replies(self, now: float) -> int:
        excess = max(0, self._replies - MOST_REPLIES)
        most = 2 * self._keys_since_trim + _DELETED_A_COMMIT
        gone = self._connection.execute(
            "DELETE FROM reply WHERE key IN (SELECT key FROM reply WHERE at < ? ORDER BY at LIMIT ?)",
            (now if excess else now - KEPT_REPLIES_S, excess or most),
        )
        return gone.rowcount

    def committed(self, written: Written, trimmed: Trimmed) -> None:
        """Counts what the transaction has written and deleted."""
        self._next_row += len(written.kept)
        keys = sum(1 for _, push in written.kept if push.key)
        self._replies += keys - (trimmed.replies or 0)
        self._keys_since_trim = keys + (self._keys_since_trim if trimmed.replies is None else 0)
        self._trimmed_row = max(trimmed.row, self._trimmed_row)

    def _reply(self, key: str) -> tuple[bytes, bytes] | None:
        rows = self._connection.execute("SELECT digest, body FROM reply WHERE key = ?", (key,))
        return rows.fetchone()  # type: ignore[no-any-return]
