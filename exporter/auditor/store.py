"""Observations in the embedded store: what was written is on the disk when the call returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from exporter.auditor import tables
from exporter.auditor.asked import Acknowledgement, Filters
from exporter.auditor.observation import Observation, Observed
from exporter.auditor.tables import observation_of, row_of, where_of
from exporter.fold.store import open_store
from exporter.types import StoreFull

KEPT_S = 90 * 86_400.0
"""Seconds without a word of an observation that is over, after which it is forgotten here."""


class Silence(NamedTuple):
    """A silence in Alertmanager, and its end (Unix seconds)."""

    id: str
    until: float


class ToCopy(NamedTuple):
    """An observation that PostgreSQL does not have as it is, and its revision."""

    observation: Observation
    revision: int


Counts = dict[tuple[str, str], int]
"""By severity and category."""


class ObservationStore:
    """Writes by one connection, from any thread; each read has a connection of its own and waits for nobody."""

    def __init__(self, path: Path) -> None:
        self._uri = f"{path.resolve().as_uri()}?mode=ro"
        self._lock = Lock()
        self._connection = open_store(path)
        self._connection.executescript(tables.SCHEMA)

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def record(self, observed: Sequence[Observed], now: float) -> None:
        """Keeps all of them, one for each subject, metric and start; a later start ends what came before it.

        Raises:
            StoreFull: none of them is kept.
        """
        with self._transaction() as connection:
            for each in sorted(observed, key=lambda each: each.started_at):
                _record(connection, each, now)
            connection.execute(tables.FORGET, (now - KEPT_S,))

    def acknowledge(self, id_: str, said: Acknowledgement, silence: Silence | None, now: float) -> Observation | None:
        """Notes who has seen it; None: there is no such observation.

        Raises:
            StoreFull: it is not noted.
        """
        with self._transaction() as connection:
            connection.execute(tables.COUNT_ACKNOWLEDGED, (id_,))
            connection.execute(tables.ACKNOWLEDGE, (now, said.who, said.note, *(silence or (None, None)), id_))
        return self.get(id_)

    def copied(self, copies: Sequence[ToCopy]) -> None:
        """Notes what PostgreSQL has; what has changed meanwhile is to be copied again."""
        with self._transaction() as connection:
            marks = [(copy.revision, copy.observation.id) for copy in copies]
            connection.executemany("UPDATE observation SET copied = ? WHERE id = ?", marks)

    def get(self, id_: str) -> Observation | None:
        """The observation of that id."""
        found = self._read(f"{tables.SELECT} WHERE id = ?", id_)
        return observation_of(found[0]) if found else None

    def find(self, asked: Filters) -> tuple[list[Observation], int]:
        """Those that are asked for, newest first, and how many there are without the limit."""
        where, values = where_of(asked)
        (total,) = self._read(f"SELECT count(*) FROM observation {where}", *values)  # noqa: S608
        rows = self._read(f"{tables.SELECT} {where} ORDER BY started_at DESC, id LIMIT ?", *values, asked.limit)
        return [observation_of(row) for row in rows], total[0]

    def open(self) -> list[Observation]:
        """All that last."""
        return [observation_of(row) for row in self._read(f"{tables.SELECT} WHERE resolved_at IS NULL")]

    def to_copy(self, most: int) -> list[ToCopy]:
        """What PostgreSQL does not have, by their start: what ended comes before what followed it."""
        select = tables.SELECT.replace(" FROM ", ", revision FROM ")
        rows = self._read(f"{select} WHERE copied < revision ORDER BY started_at LIMIT ?", most)
        return [ToCopy(observation_of(row[:-1]), row[-1]) for row in rows]

    def counts(self) -> tuple[Counts, Counts, Counts]:
        """Observations that were ever kept, that were ever acknowledged, and open ones that are not."""
        rows = self._read(tables.COUNTS)
        waiting = {(severity, category): count for severity, category, count in self._read(tables.UNACKNOWLEDGED)}
        return {row[:2]: row[2] for row in rows}, {row[:2]: row[3] for row in rows}, waiting

    def _read(self, statement: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(self._uri, uri=True)) as connection:
            return connection.execute(statement, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except Exception as error:
                with suppress(sqlite3.Error):
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                raise StoreFull(str(error)) from error


def _record(connection: sqlite3.Connection, observed: Observed, now: float) -> None:
    key = (observed.subject, observed.metric_name, observed.started_at)
    (following,) = connection.execute(tables.NEXT_START, key).fetchone()
    ends = [end for end in (observed.resolved_at, following) if end is not None]
    earlier = {"subject": key[0], "metric_name": key[1], "start": key[2], "now": now}
    connection.execute(tables.END_EARLIER, earlier)
    written = connection.execute(tables.UPSERT, row_of(observed, min(ends, default=None), now)).fetchall()
    if written == [(1,)]:
        connection.execute(tables.COUNT_SEEN, (observed.severity, observed.category))
