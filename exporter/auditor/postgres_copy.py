"""Copies observations to `public.cache_auditor_observations`, where dashboards read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import structlog
from psycopg.types.json import Jsonb

from exporter.auditor.observation import Observation
from exporter.auditor.store import ObservationStore, ToCopy
from exporter.database.writer import REFUSALS, tallies
from exporter.sources.postgres_pool import Pool, transaction
from exporter.types import Tally

log = structlog.get_logger()

TABLE = "observations"
_AT_ONCE = 500

_END_EARLIER = """
    update public.cache_auditor_observations set resolved_at = %(started_at)s, updated_at = now()
    where subject = %(subject)s and metric_name = %(metric_name)s and started_at < %(started_at)s
      and resolved_at is null
"""
_TEXTS = ("severity", "category", "title", "description", "recommendation")
_CHANGING = (*_TEXTS, "implementation_type", "metadata", "resolved_at", "updated_at")
_SAID = ("acknowledged_at", "acknowledged_by", "acknowledged_note")
_COLUMNS = ("id", "subject", "metric_name", "started_at", "timestamp", *_CHANGING, "acknowledged", *_SAID)
UPSERT = f"""
    insert into public.cache_auditor_observations as o ({", ".join(_COLUMNS)})
    values ({", ".join(f"%({name})s" for name in _COLUMNS)})
    on conflict (subject, metric_name, started_at) do update set
      {", ".join(f"{name} = excluded.{name}" for name in _CHANGING)},
      {", ".join(f"{name} = coalesce(excluded.{name}, o.{name})" for name in _SAID)},
      acknowledged = excluded.acknowledged or o.acknowledged
"""  # noqa: S608 - our own words
"""Writes an observation, or what has become of it; what was acknowledged in the database itself stays so."""


class PostgresCopy:
    """Brings PostgreSQL up to date, some observations at a time; called again, it does no harm."""

    def __init__(self, pool: Pool, store: ObservationStore, statement_timeout_s: float) -> None:
        self._transaction = partial(transaction, pool, statement_timeout_s)
        self._store = store

    def __call__(self) -> Sequence[Tally]:
        """Copies the next, and counts them."""
        waiting = self._store.to_copy(_AT_ONCE)
        if not waiting:
            return ()
        try:
            self._write(waiting)
            outcome = Counter({(TABLE, ""): len(waiting)})
        except REFUSALS:
            outcome = sum((self._write_one(copy) for copy in waiting), Counter())
        self._store.copied(waiting)
        return tallies(outcome)

    def _write_one(self, copy: ToCopy) -> Counter[tuple[str, str]]:
        try:
            self._write([copy])
        except REFUSALS as error:
            log.warning("an observation is refused by the database", error=error.diag.message_primary)
            return Counter({(TABLE, "refused"): 1})
        return Counter({(TABLE, ""): 1})

    def _write(self, copies: Sequence[ToCopy]) -> None:
        with self._transaction() as connection, connection.cursor() as cursor:
            for copy in copies:
                row = row_of(copy.observation)
                cursor.execute(_END_EARLIER, row)
                cursor.execute(UPSERT.encode(), row)


def row_of(observation: Observation) -> dict[str, object]:
    """The values that `UPSERT` asks for."""
    return {
        **{name: getattr(observation, name) for name in (*_TEXTS, "id", "subject", "metric_name")},
        "implementation_type": observation.labels.get("implementation"),
        "metadata": Jsonb(observation.metadata),
        "started_at": _time(observation.started_at),
        "timestamp": _time(observation.started_at),
        "resolved_at": _time(observation.resolved_at),
        "updated_at": _time(observation.updated_at),
        "acknowledged": observation.acknowledged_at is not None,
        "acknowledged_at": _time(observation.acknowledged_at),
        "acknowledged_by": observation.acknowledged_by,
        "acknowledged_note": observation.acknowledged_note,
    }


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
