"""What the tests of the Postgres source share: a gateway that writes rows, and the source on a ledger."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from exporter import conventions as series
from exporter.decode.postgres_rows import decode_row
from exporter.sources.postgres_pool import Pool, make_pool
from exporter.sources.postgres_table import PostgresTable
from tests.sources.gateway import Crash, Ledger

DAY = 86_400.0

Connection = psycopg.Connection[tuple[Any, ...]]


def hits(connection: Connection, count: int, implementation: str = "new", ago_s: float = 0.0) -> None:
    """Writes cache hits in one statement."""
    connection.execute(
        "insert into public.cache_metrics (operation_type, implementation_type, response_time_ms, timestamp) "
        "select 'hit', %s, 2, now() - %s * interval '1 second' from generate_series(1, %s)",
        (implementation, ago_s, count),
    )


def metric(connection: Connection, kind: str, data: Any, ago_s: float = 0.0) -> None:
    """Writes a row of metrics_raw."""
    connection.execute(
        "insert into monitoring.metrics_raw (type, data, timestamp) values (%s, %s, now() - %s * interval '1 second')",
        (kind, json.dumps(data), ago_s),
    )


def reported(connection: Connection, kind: str, data: Any, metadata: Any = None) -> None:
    """Writes a monitoring event as a gateway does."""
    connection.execute(
        "select public.insert_monitoring_event(%s, now(), 'ws_server', %s, %s)",
        (kind, json.dumps(data), json.dumps(metadata or {})),
    )


def make_source(pool: Pool, clock: Callable[[], float] = time.time, first_contact_s: float = DAY) -> PostgresTable:
    return PostgresTable(
        pool,
        decode=decode_row,
        clock=clock,
        first_contact_s=first_contact_s,
        poll_interval_s=1.0,
        statement_timeout_s=10.0,
    )


@dataclass
class Tail:
    """The source under test on a ledger; `restart()` makes a new process of it on the same ledger."""

    dsn: str
    first_contact_s: float = DAY
    ledger: Ledger = field(default_factory=Ledger)

    def __post_init__(self) -> None:
        self.pool = make_pool(self.dsn, 3)
        self.pool.open()
        self.restart()

    def restart(self) -> None:
        self.source = make_source(self.pool, first_contact_s=self.first_contact_s)
        self.source.resume(self.ledger)

    def move_to(self, dsn: str) -> None:
        """The same exporter, started anew with another database."""
        self.pool.close()
        self.dsn = dsn
        self.__post_init__()

    def poll(self) -> Ledger:
        self.source.poll(self.ledger)
        return self.ledger

    def crash(self, after: int) -> None:
        """Polls until that many more batches were taken, and dies; AssertionError if it lives."""
        self.ledger.crash_after = len(self.ledger.batches) + after
        try:
            self.poll()
        except Crash:
            self.ledger.crash_after = None
            return
        raise AssertionError(f"the poll came to its end within {after} batches")

    @property
    def counted(self) -> int:
        """Cache operations."""
        return int(self.ledger.total(series.CACHE_OPERATIONS))

    @property
    def repeated(self) -> int:
        return int(self.ledger.total(series.DUPLICATE))
