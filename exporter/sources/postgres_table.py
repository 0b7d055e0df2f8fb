"""The raw tables that a gateway fills in PostgreSQL: a row counts once, however late its transaction commits.

The position is a snapshot: what it sees is read. A pass goes to a newer one, table by table and page by page.
LISTEN wakes the source; where that does not come through (a pooler), it polls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event as Flag
from typing import Any

import psycopg
import structlog

from exporter.sources.contents import lack_of_rows
from exporter.sources.postgres_baseline import active_baselines
from exporter.sources.postgres_pages import TABLES, Cursor, Page, Table, pages
from exporter.sources.postgres_place import (
    PASS,
    READ,
    Pass,
    Place,
    decode_cursors,
    decode_pass,
    decode_place,
    encode,
    encode_cursor,
    here,
    next_pass,
)
from exporter.sources.postgres_pool import Database, Pool, connect, transaction
from exporter.types import Batch, Clock, Intake, Move, Refused, Rejection, SourceHealth

log = structlog.get_logger()

SOURCE = "postgres"
CHANNEL = "exai_rows"
_SHORTEST_PAUSE_S = 0.1
"""Between two polls, so that a writer of many small transactions does not make us poll for each."""

_BASELINE_EVERY_S = 15.0

Decode = Callable[[str, bytes, float], Sequence[Any]]
"""A table's name, a row as JSON and the Unix time into events; raises Refused."""


class PostgresTable:
    """Tails `monitoring.monitoring_events`, `monitoring.metrics_raw` and `public.cache_metrics`."""

    name = SOURCE

    def __init__(
        self,
        pool: Pool,
        *,
        decode: Decode,
        clock: Clock,
        first_contact_s: float,
        poll_interval_s: float,
        statement_timeout_s: float,
    ) -> None:
        self._pool = pool
        self._decode = decode
        self._clock = clock
        self._first_contact_s = first_contact_s
        self._poll_interval_s = poll_interval_s
        self._statement_timeout_s = statement_timeout_s
        self._read: Place | None = None
        self._pass: Pass | None = None
        self._cursors: dict[str, Cursor] = {}
        self._in_doubt = False
        self._baseline_at = 0.0
        self._lack = ""

    def committed(self, position: Move) -> None:
        """Nothing is deleted from a gateway's tables."""

    def run(self, intake: Intake, health: SourceHealth, stop: Flag) -> None:
        """Reads until it is told to stop."""
        self.resume(intake)
        with connect(self._pool) as listener:
            listener.execute(f"listen {CHANNEL}".encode())
            try:
                while not stop.is_set():
                    self.poll(intake)
                    health.read_to_end(self._lack)
                    self._wait(listener, stop)
            except psycopg.Error:
                # It may have been a crash, which can undo commits that were seen.
                self._in_doubt = True
                raise

    def resume(self, intake: Intake) -> None:
        """Takes up the position, as it was left by this process or an earlier one."""
        position = intake.position(self.name)
        self._read = decode_place(position)
        self._pass = decode_pass(position)
        self._cursors = dict(decode_cursors(position))

    def poll(self, intake: Intake) -> None:
        """Hands over everything that was committed since the last time."""
        now = self._look(intake)
        while (task := self._task(intake, now)) is not None:
            for table in TABLES:
                found = pages(
                    self._pool, self._statement_timeout_s, table, task.spans, task.choice, self._cursors.get(table.name)
                )
                for page in found:
                    intake.submit(self._batch(task, table, page))
            self._finish(intake, task)

    def _look(self, intake: Intake) -> Place:
        """Return where the database is; now and then hand over the baselines and look whether it has any row."""
        with transaction(self._pool, self._statement_timeout_s) as connection:
            now = here(connection)
            if abs(self._clock() - self._baseline_at) >= _BASELINE_EVERY_S:
                self._baseline_at = self._clock()
                self._lack = lack_of_rows(connection)
                if levels := active_baselines(connection):
                    intake.submit(Batch(self.name, received=self._baseline_at, levels=levels))
        return now

    def _task(self, intake: Intake, now: Place) -> Pass | None:
        """The pass that was broken off, if its history goes on, else the next one."""
        begun = self._pass
        if begun and begun.until.history == now.history and not self._in_doubt:
            return begun
        self._pass = next_pass(self._read, now, self._first_contact_s, in_doubt=self._in_doubt)
        self._in_doubt = False
        if begun is not None or (self._pass and (self._read is None or self._pass.again)):
            self._cursors.clear()
            intake.submit(self._begin(self._pass))
        return self._pass

    def _begin(self, task: Pass | None) -> Batch:
        if task and task.again:
            log.warning("the history of the database has changed", source=self.name, read_again_since=task.since)
        move: dict[str, bytes | None] = {table.name: None for table in TABLES}
        move[PASS] = encode(task) if task else None
        return Batch(self.name, (), move, self._clock(), catching_up=True if self._read is None else None)

    def _batch(self, task: Pass, table: Table, page: Page) -> Batch:
        now = self._clock()
        events: list[Any] = []
        rejections: list[Rejection] = []
        rows = [row.encode() for row in page.rows]
        for index, row in enumerate(rows):
            try:
                events += self._decode(table.name, row, now)
            except Refused as error:
                rejections.append(error.at(index, row))
        # Sorted by kind, the fold takes them in few runs.
        events.sort(key=lambda event: type(event).__name__)
        self._cursors[table.name] = page.cursor
        move = {PASS: encode(task), table.name: encode_cursor(page.cursor)}
        return Batch(self.name, events, move, now, rejections, size=sum(map(len, rows)))

    def _finish(self, intake: Intake, task: Pass) -> None:
        """Stands at the end of the pass; one that found nothing need not be saved."""
        first, self._read, self._pass = self._read is None, task.until, None
        if first or task.again or self._cursors:
            move: dict[str, bytes | None] = dict.fromkeys(self._cursors)
            move |= {PASS: None, READ: encode(task.until)}
            self._cursors = {}
            intake.submit(Batch(self.name, (), move, self._clock(), catching_up=False if first else None))

    def _wait(self, listener: Database, stop: Flag) -> None:
        stop.wait(_SHORTEST_PAUSE_S)
        for _ in listener.notifies(timeout=self._poll_interval_s, stop_after=1):
            pass
