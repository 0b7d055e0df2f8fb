"""Observations in the embedded store: what was written is on the disk when the call returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from exporter.auditor import counts, tables
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


class ObservationStore:
    """Writes by one connection, from any thread; each read has a connection of its own and waits for nobody."""

    def __init__(self, path: Path) -> None:
        self._uri = f"{path.resolve().as_uri()}?mode=ro"
        self._lock = Lock()
        self._connection = open_store(path)
        self._connection.executescript(tables.SCHEMA)
        counts.start_counting(self._connection)

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    @contextmanager
    def recording(self, observed: Sequence[Observed], now: float) -> Iterator[list[Observed]]:
        """Keeps all of them when the block ends, one for each subject, metric and start.

        A later start ends what came before it. Yields those that are new, and those that are over where they lasted.

        Raises:
            StoreFull: none of them is kept.
        """
        with self._transaction() as connection:
            by_start = sorted(observed, key=lambda each: each.started_at)
            news = [each for each in by_start if _record(connection, each, now)]
            connection.execute(tables.FORGET, (now - KEPT_S,))
            yield news

    def acknowledge(self, id_: str, said: Acknowledgement, silence: Silence | None, now: float) -> Observation | None:
        """Notes who has seen it; None: there is no such observation.

        Raises:
            StoreFull: it is not noted.
        """
        with self._transaction() as connection:
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

    def counts(self) -> counts.Counts:
        """How many there were and are, and how long people took."""
        return counts.counts(self._read)

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


def _record(connection: sqlite3.Connection, observed: Observed, now: float) -> bool:
    """Keeps one, and says whether it began or ended with that."""
    key = (observed.subject, observed.metric_name, observed.started_at)
    known = connection.execute(tables.END, key).fetchone()
    (following,) = connection.execute(tables.NEXT_START, key).fetchone()
    ends = [end for end in (observed.resolved_at, following) if end is not None]
    earlier = {"subject": key[0], "metric_name": key[1], "start": key[2], "now": now}
    connection.execute(tables.END_EARLIER, earlier)
    connection.execute(tables.UPSERT, row_of(observed, min(ends, default=None), now))
    return known is None or (known[0] is None) != (observed.resolved_at is None)
