"""The upkeep of the tables, for databases where pg_cron does not do it: days ahead, roll-ups, retention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg.rows import TupleRow

from exporter.database.connection import Connection

_DROP = "select relation, days_dropped, rows_deleted from monitoring.drop_expired(p_relation => %s)"


@dataclass(frozen=True, slots=True)
class Expired:
    """What one table lost because it is kept no longer."""

    relation: str
    days: int
    rows: int


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What one round did."""

    days_made: int
    expired: Sequence[Expired]


def maintain(connection: Connection) -> Upkeep:
    """Makes the days ahead, rolls up what was written, then drops what is kept no longer.

    The connection is in autocommit mode: each table's step commits by itself, so that it waits for no other's
    writers, and can be repeated.
    """
    tables = [row[0] for row in connection.execute("select relation from monitoring.retention order by 1").fetchall()]
    made = sum(_one(connection, "select monitoring.make_days(p_relation => %s)", table)[0] for table in tables)
    connection.execute("call monitoring.roll_up()")
    expired = [Expired(*_one(connection, _DROP, table)) for table in tables]
    return Upkeep(made, [one for one in expired if one.days or one.rows])


def is_scheduled(connection: Connection) -> bool:
    """Whether pg_cron does the same by itself; schedules it where pg_cron has come since the migration."""
    return bool(_one(connection, "select monitoring.schedule_maintenance()")[0])


def _one(connection: Connection, query: LiteralString, *parameters: object) -> TupleRow:
    row = connection.execute(query, parameters).fetchone()
    if row is None:
        raise LookupError(query)
    return row
