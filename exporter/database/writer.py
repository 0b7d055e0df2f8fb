"""Keeps errors, traces and spans in PostgreSQL, where dashboards read them, and copies what is kept elsewhere.

It takes them off the spool, where they wait while PostgreSQL is away. Its position is the last row that PostgreSQL
has; it goes the way of every source's, into a checkpoint. What is sent again after a crash meets its own key.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event as Flag
from threading import Lock

import psycopg
import structlog

from exporter import conventions as series
from exporter.database.kept_rows import SPANS, Row, rows_of
from exporter.fold.spool import ROW, WRITER, Spool, Spooled, read_spool, table_of
from exporter.sources.postgres_pool import Database, Pool, transaction
from exporter.types import Batch, Clock, Intake, Move, SourceHealth, Tally

log = structlog.get_logger()

_AT_ONCE = 500
_LOOKS_EVERY_S = 1.0
_ASKS_EVERY_S = 10.0
"""Seconds after which a writer that has nothing to write asks whether PostgreSQL answers."""

REFUSALS = (psycopg.DataError, psycopg.IntegrityError)
"""What is wrong with a row, not with the database: to send it again would be of no use."""


class Writer:
    """The source that takes nothing in: its batches only tell how far PostgreSQL has the spool."""

    name = WRITER

    def __init__(
        self,
        pool: Pool,
        spool: Spool,
        store: Path,
        *,
        clock: Clock,
        statement_timeout_s: float,
        copy: Callable[[], Sequence[Tally]] = tuple,
    ) -> None:
        self._pool = pool
        self._spool = spool
        self._store = store
        self._clock = clock
        self._statement_timeout_s = statement_timeout_s
        self._copy = copy
        self.writing = Lock()
        """Held from the reading of the spool until its rows are committed."""
        self._row = 0
        self._answered_at = -_ASKS_EVERY_S
        self._saved = Flag()

    def committed(self, position: Move) -> None:
        """Nothing follows: the checkpoint deletes what its own position covers."""

    def saved(self) -> None:
        """Hears that a checkpoint has brought something into the spool."""
        self._saved.set()

    def run(self, intake: Intake, health: SourceHealth, stop: Flag) -> None:
        """Writes until it is told to stop."""
        self._row = int(intake.position(self.name).get(ROW, b"0"))
        while not stop.is_set():
            self._saved.clear()
            if self.write(intake) + self.copy(intake):
                continue
            self._ask()
            health.read_to_end()
            self._saved.wait(_LOOKS_EVERY_S)

    def write(self, intake: Intake) -> int:
        """Writes the next of the spool, and returns how many there were."""
        with self.writing:
            return self._write(intake)

    def _write(self, intake: Intake) -> int:
        waiting = list(read_spool(self._store, self._row, _AT_ONCE))
        if waiting:
            kept = self._keep(waiting)
            self._answered_at = time.monotonic()
            # By their numbers: those of a deleted conversation wait no more either.
            self._spool.written += waiting[-1].row - self._row
            self._row = waiting[-1].row
            intake.submit(Batch(self.name, (), {ROW: b"%d" % self._row}, self._clock(), tallies=kept))
        return len(waiting)

    def copy(self, intake: Intake) -> int:
        """Copies the next of what is kept elsewhere, and returns how many there were."""
        copied = self._copy()
        if copied:
            self._answered_at = time.monotonic()
            intake.submit(Batch(self.name, (), {}, self._clock(), tallies=copied))
        return sum(count for _, _, count in copied)

    def _ask(self) -> None:
        if time.monotonic() - self._answered_at >= _ASKS_EVERY_S:
            with transaction(self._pool, self._statement_timeout_s) as connection:
                connection.execute("select 1 from monitoring.errors limit 0")
            self._answered_at = time.monotonic()

    def _keep(self, waiting: Sequence[Spooled]) -> list[Tally]:
        """Keeps all in one transaction, or where it refuses one of them, each in its own."""
        try:
            return tallies(self._insert(waiting))
        except REFUSALS:
            return tallies(sum((self._keep_one(spooled) for spooled in waiting), Counter()))

    def _keep_one(self, spooled: Spooled) -> Counter[tuple[str, str]]:
        try:
            return self._insert([spooled])
        except REFUSALS as error:
            log.warning("a row is refused by the database", error=error.diag.message_primary)
            return Counter({(table_of(type(spooled.event)), "refused"): 1})

    def _insert(self, waiting: Sequence[Spooled]) -> Counter[tuple[str, str]]:
        """Inserts, and counts by table and what became of them: written (no reason), or why not."""
        outcome: Counter[tuple[str, str]] = Counter()
        statements: dict[str, list[Row]] = {}
        for spooled in waiting:
            found = rows_of(spooled)
            for statement, row in found:
                statements.setdefault(statement, []).append(row)
            outcome[table_of(type(spooled.event)), "" if found else "unreadable"] += 1
        outcome["spans", ""] = len(statements.get(SPANS, ()))
        with transaction(self._pool, self._statement_timeout_s) as connection:
            _execute(connection, statements)
        return outcome


def _execute(connection: Database, statements: dict[str, list[Row]]) -> None:
    with connection.cursor() as cursor:
        for statement, rows in statements.items():
            cursor.executemany(statement.encode(), rows)


def tallies(outcome: Counter[tuple[str, str]]) -> list[Tally]:
    """What there is to count, by table and what became of the rows."""
    return [
        (series.ROWS_DROPPED, (table, reason), count) if reason else (series.ROWS_WRITTEN, (table,), count)
        for (table, reason), count in outcome.items()
        if count
    ]
