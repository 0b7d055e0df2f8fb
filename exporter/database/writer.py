"""Writes errors, traces and model calls to PostgreSQL, where dashboards read them, and copies what is kept elsewhere.

It takes them off the spools, where they wait while PostgreSQL is away. Its position is the last row of each spool that
PostgreSQL has; like every source's, it is saved with a checkpoint. Rows that are sent again after a crash meet their
own key.
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
from exporter.database.kept_rows import SPANS, CostOf, Row, rows_of
from exporter.fold.spool import WRITER, Spool, Spooled, SpoolTable, read_spool
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
    """The source that takes nothing in: its batches only tell how far PostgreSQL has the spools."""

    name = WRITER

    def __init__(
        self,
        pool: Pool,
        spools: Sequence[Spool],
        store: Path,
        *,
        clock: Clock,
        statement_timeout_s: float,
        cost_of: CostOf,
        copy: Callable[[], Sequence[Tally]] = tuple,
    ) -> None:
        self._pool = pool
        self._spools = spools
        self._store = store
        self._clock = clock
        self._statement_timeout_s = statement_timeout_s
        self._cost_of = cost_of
        self._copy = copy
        self.writing = Lock()
        """Held from the reading of a spool until its rows are committed."""
        self._rows: dict[str, int] = {}
        self._answered_at = -_ASKS_EVERY_S
        self._saved = Flag()

    def committed(self, position: Move) -> None:
        """Nothing follows: the checkpoint deletes what its own position covers."""

    def saved(self) -> None:
        """Hears that a checkpoint has brought something into the spool."""
        self._saved.set()

    def run(self, intake: Intake, health: SourceHealth, stop: Flag) -> None:
        """Writes until it is told to stop."""
        position = intake.position(self.name)
        parts = (spool.table.row_part for spool in self._spools)
        self._rows = {part: int(position.get(part, b"0")) for part in parts}
        while not stop.is_set():
            self._saved.clear()
            if self.write(intake) + self.copy(intake):
                continue
            self._ask()
            health.read_to_end()
            self._saved.wait(_LOOKS_EVERY_S)

    def write(self, intake: Intake) -> int:
        """Writes the next of each spool, and returns how many there were."""
        with self.writing:
            return sum(self._write_next(spool, intake) for spool in self._spools)

    def _write_next(self, spool: Spool, intake: Intake) -> int:
        table = spool.table
        before = self._rows[table.row_part]
        waiting = list(read_spool(self._store, table, before, _AT_ONCE))
        if waiting:
            kept = self._keep(table, waiting)
            self._answered_at = time.monotonic()
            row = self._rows[table.row_part] = waiting[-1].row
            # Row numbers, not rows: a deleted conversation leaves gaps, and its rows wait no longer.
            spool.written += row - before
            intake.submit(Batch(self.name, (), {table.row_part: b"%d" % row}, self._clock(), tallies=kept))
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

    def _keep(self, table: SpoolTable, waiting: Sequence[Spooled]) -> list[Tally]:
        """Keeps all in one transaction, or where it refuses one of them, each in its own."""
        try:
            return tallies(self._insert(table, waiting))
        except REFUSALS:
            return tallies(sum((self._keep_one(table, spooled) for spooled in waiting), Counter()))

    def _keep_one(self, table: SpoolTable, spooled: Spooled) -> Counter[tuple[str, str]]:
        try:
            return self._insert(table, [spooled])
        except REFUSALS as error:
            log.warning("a row is refused by the database", error=error.diag.message_primary)
            return Counter({(table.table_of(type(spooled.event)), "refused"): 1})

    def _insert(self, table: SpoolTable, waiting: Sequence[Spooled]) -> Counter[tuple[str, str]]:
        """Inserts, and counts by table and what became of them: written (no reason), or why not."""
        outcome: Counter[tuple[str, str]] = Counter()
        statements: dict[str, list[Row]] = {}
        for spooled in waiting:
            found = rows_of(spooled, self._cost_of)
            for statement, row in found:
                statements.setdefault(statement, []).append(row)
            outcome[table.table_of(type(spooled.event)), "" if found else "unreadable"] += 1
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
