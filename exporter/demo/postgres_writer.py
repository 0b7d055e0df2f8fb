"""Writes a semantic cache's operations to PostgreSQL, as its collector does, for an exporter that reads them there."""

from __future__ import annotations

import time
from random import Random
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb

from exporter.demo.history import write_history
from exporter.demo.outbox import AwayError, Outbox, RefusedError
from exporter.demo.past_rows import SIMULATED, write_past_rows
from exporter.demo.shapes import CacheEvent

_PATIENCE_S = 5
_INSERT = """
    insert into public.cache_metrics (event_id, cache_key, operation_type, implementation_type, response_time_ms,
      cache_size, similarity, error_type, error_message, metadata, timestamp)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, to_timestamp(%s)) on conflict do nothing
"""
_OPTIONAL = ("similarity", "error_type", "error_message")
_IS_OURS = "select exists (select from public.cache_auditor_observations where metadata ? 'simulated')"
_IS_USED = """
    select exists (select from public.cache_metrics) or exists (select from public.cache_metrics_1hour)
      or exists (select from public.cache_baseline_metrics)
"""

Row = tuple[Any, ...]


class PostgresWriter(Outbox[Row]):
    """Up to 500 rows at a time, or what there is every second; 20,000 wait at most."""

    most, every_s, capacity = 500, 1.0, 20_000

    def __init__(self, dsn: str, rng: Random, rate: float) -> None:
        super().__init__()
        self._dsn, self._rng, self._rate = dsn, rng, rate
        self._run_id, self._rows = uuid4().hex, 0
        self._claimed = False

    def record(self, event: CacheEvent) -> None:
        """Leave an operation to be written, with an id of its own so that no repeat counts twice."""
        self._rows += 1
        fields = ("cache_key", "operation", "implementation", "response_time_ms", "cache_size", *_OPTIONAL)
        known = [event.get(name) for name in fields]
        self.put((f"{self._run_id}-{self._rows}", *known, Jsonb(SIMULATED), event["timestamp"]))

    def send(self, batch: list[Row], key: str) -> int:  # noqa: ARG002
        """Insert the rows; the first batch waits for the history."""
        try:
            with psycopg.connect(self._dsn, connect_timeout=_PATIENCE_S, application_name="exai-demo") as connection:
                self._claim(connection)
                with connection.cursor() as cursor:
                    cursor.executemany(_INSERT, batch)
        except psycopg.Error as failure:
            raise AwayError(f"PostgreSQL: {str(failure).strip()}") from failure
        return len(batch)

    def _claim(self, connection: psycopg.Connection[Row]) -> None:
        """Mark a new database as one of the demo's, by its history; a real gateway's is left alone."""
        if self._claimed or _says(connection, _IS_OURS):
            self._claimed = True
            return
        if _says(connection, _IS_USED):
            raise RefusedError("this database holds a real cache's operations: nothing simulated is written to it")
        now = time.time()
        write_history(connection, self._rng, now, self._rate)
        write_past_rows(connection, self._rng, now)
        connection.commit()
        self._claimed = True


def _says(connection: psycopg.Connection[Row], query: str) -> bool:
    row = connection.execute(query.encode()).fetchone()
    return row is not None and bool(row[0])
