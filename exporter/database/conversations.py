"""The rows of one conversation in PostgreSQL, in every table that may have some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import LiteralString, NamedTuple

from psycopg.sql import SQL, Composed, Identifier

from exporter.database.connection import Connection
from exporter.pseudonyms import pseudonym

_OF_ITS_TRACES: LiteralString = (
    "trace_id in (select t.trace_id from monitoring.traces t where t.conversation_id = %(pseudonym)s)"
)
# A gateway writes the plain id under a name of its choice.
_IN_DATA: LiteralString = "strpos(data::text, to_json(%(plain)s::text)::text) > 0"
_IN_METADATA: LiteralString = "strpos(metadata::text, to_json(%(plain)s::text)::text) > 0"


class Holder(NamedTuple):
    """A table that may have rows of a conversation, and the condition that they meet."""

    table: str
    condition: LiteralString


HOLDERS = (
    Holder("monitoring.spans", _OF_ITS_TRACES),
    Holder("monitoring.errors", _OF_ITS_TRACES),
    Holder("monitoring.model_calls", f"conversation = %(pseudonym)s or {_OF_ITS_TRACES}"),
    Holder("monitoring.traces", "conversation_id = %(pseudonym)s"),
    Holder("monitoring.monitoring_events", f"{_IN_DATA} or {_IN_METADATA}"),
    Holder("monitoring.metrics_raw", _IN_DATA),
    Holder(
        "public.cache_metrics",
        f"cache_key = %(plain)s or right(cache_key, length(%(plain)s) + 1) = ':' || %(plain)s or {_IN_METADATA}",
    ),
)
"""All of them; `traces` comes after the tables that are found by its rows."""


def count(connection: Connection, plain: str) -> dict[str, int]:
    """Return how many rows of the conversation each table has."""
    return {
        holder.table: _count(connection, _statement("select count(*) from {table} where {condition}", holder), plain)
        for holder in _present(connection)
    }


def delete(connection: Connection, plain: str) -> dict[str, int]:
    """Delete the rows of the conversation in one transaction; return how many each table had."""
    with connection.transaction():
        return {
            holder.table: connection.execute(
                _statement("delete from {table} where {condition}", holder), _parameters(plain)
            ).rowcount
            for holder in _present(connection)
        }


def _present(connection: Connection) -> list[Holder]:
    """The tables that the database has: it may be of an older version."""
    query = "select to_regclass(%s) is not null"
    return [holder for holder in HOLDERS if connection.execute(query, (holder.table,)).fetchone() == (True,)]


def _count(connection: Connection, statement: Composed, plain: str) -> int:
    row = connection.execute(statement, _parameters(plain)).fetchone()
    return int(row[0]) if row else 0


def _statement(text: LiteralString, holder: Holder) -> Composed:
    return SQL(text).format(table=Identifier(*holder.table.split(".")), condition=SQL(holder.condition))


def _parameters(plain: str) -> Mapping[str, str]:
    return {"plain": plain, "pseudonym": pseudonym(plain)}
