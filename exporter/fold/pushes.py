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


@dataclass(frozen=True, slots=True)
class Written:
    """What is to become of pushes once the transaction is committed: an outcome each, and the rows of new ones."""

    outcomes: list[bytes | KeyReused]
    kept: list[tuple[int, Push]]


class PushTable:
    """Writes pushes inside the caller's transaction; its counts follow by `committed`."""

    def __init__(self, connection: sqlite3.Connection, folded_row: int) -> None:
        self._connection = connection
        last = connection.execute("SELECT max(id) FROM pushed").fetchone()[0] or 0
        self._next_row = max(last, folded_row) + 1
        self._replies = connection.execute("SELECT count(*) FROM reply").fetchone()[0]

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

    def trim(self, folded_row: int, added: int, now: float) -> int:
        """Deletes some of what is folded and some replies that are old; returns how many replies."""
        most = 2 * added + _DELETED_A_COMMIT
        self._connection.execute(
            "DELETE FROM pushed WHERE id IN (SELECT id FROM pushed WHERE id <= ? ORDER BY id LIMIT ?)",
            (folded_row, most),
        )
        excess = max(0, self._replies - MOST_REPLIES)
        gone = self._connection.execute(
            "DELETE FROM reply WHERE key IN (SELECT key FROM reply WHERE at < ? ORDER BY at LIMIT ?)",
            (now if excess else now - KEPT_REPLIES_S, excess or most),
        )
        return gone.rowcount

    def committed(self, written: Written, trimmed: int) -> None:
        """Counts what the transaction has written and deleted."""
        self._next_row += len(written.kept)
        self._replies += sum(1 for _, push in written.kept if push.key) - trimmed

    def _reply(self, key: str) -> tuple[bytes, bytes] | None:
        rows = self._connection.execute("SELECT digest, body FROM reply WHERE key = ?", (key,))
        return rows.fetchone()  # type: ignore[no-any-return]
