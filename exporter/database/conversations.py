"""The rows of one conversation in PostgreSQL, in every table that may have some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString, NamedTuple

from psycopg.sql import SQL, Composed, Identifier

from exporter.database.connection import Connection
from exporter.pseudonyms import pseudonym

_TRACES: LiteralString = """
    select trace_id from monitoring.traces where conversation_id = %(pseudonym)s
    union select trace_id from monitoring.model_calls where conversation = %(pseudonym)s and trace_id is not null
"""
_OF_ITS_TRACES: LiteralString = "trace_id = any(%(traces)s)"
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
    Holder("monitoring.traces", f"conversation_id = %(pseudonym)s or {_OF_ITS_TRACES}"),
    Holder("monitoring.monitoring_events", f"{_IN_DATA} or {_IN_METADATA}"),
    Holder("monitoring.metrics_raw", _IN_DATA),
    Holder(
        "public.cache_metrics",
        f"cache_key = %(plain)s or right(cache_key, length(%(plain)s) + 1) = ':' || %(plain)s or {_IN_METADATA}",
    ),
)
"""All of them."""


def count(connection: Connection, plain: str) -> dict[str, int]:
    """Return how many rows of the conversation each table has."""
    parameters = _parameters(connection, plain)
    return {
        holder.table: _count(
            connection, _statement("select count(*) from {table} where {condition}", holder), parameters
        )
        for holder in HOLDERS
    }


def delete(connection: Connection, plain: str) -> dict[str, int]:
    """Delete the rows of the conversation in one transaction; return how many each table had."""
    with connection.transaction():
        parameters = _parameters(connection, plain)
        return {
            holder.table: connection.execute(
                _statement("delete from {table} where {condition}", holder), parameters
            ).rowcount
            for holder in HOLDERS
        }


def _count(connection: Connection, statement: Composed, parameters: Mapping[str, Any]) -> int:
    row = connection.execute(statement, parameters).fetchone()
    return int(row[0]) if row else 0


def _statement(text: LiteralString, holder: Holder) -> Composed:
    return SQL(text).format(table=Identifier(*holder.table.split(".")), condition=SQL(holder.condition))


def _parameters(connection: Connection, plain: str) -> Mapping[str, Any]:
    named = {"plain": plain, "pseudonym": pseudonym(plain)}
    return {**named, "traces": [trace_id for (trace_id,) in connection.execute(_TRACES, named)]}
