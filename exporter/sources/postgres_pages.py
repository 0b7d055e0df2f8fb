"""The raw tables, and their rows page by page in the order of (transaction, id)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from exporter.sources.postgres_pool import Pool, transaction
from exporter.sources.postgres_snapshot import Span

PAGE = 2000

_EPOCH = "extract(epoch from t.timestamp)"
_ID = "concat_ws(':', '{name}', t.id, " + _EPOCH + ")"
"""Names a row that has no event id: the same after a restore, another for another row that gets its number."""

_PLANNER = {"enable_sort": "off", "enable_bitmapscan": "off", "enable_seqscan": "off", "jit": "off"}
"""The index has the order that pages need; statistics that lag behind a flood of rows would have all of it sorted."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is tailed: its name, the type of its id, and a row as a JSON object for the decoder."""

    name: str
    id_type: str
    row: str


def _reported(name: str, id_type: str, kind: str, event_id: str, source: str) -> Table:
    row = (
        f"json_build_object('type', t.{kind}, 'timestamp', {_EPOCH}, 'source', {source}, 'data', t.data, "
        f"'event_id', coalesce({event_id}, {_ID.format(name=name)}))"
    )
    return Table(name, id_type, row)


TABLES = (
    _reported(
        "monitoring.monitoring_events", "uuid", "event_type",
        "t.data ->> 'event_id', t.metadata ->> 'event_id'", "t.source",
    ),
    _reported("monitoring.metrics_raw", "bigint", "type", "t.data ->> 'event_id'", "null"),
    Table(
        "public.cache_metrics", "uuid",
        "json_build_object('operation', t.operation_type, 'implementation', t.implementation_type, "
        f"'timestamp', {_EPOCH}, 'response_time_ms', t.response_time_ms, "
        "'cache_size', t.cache_size, 'similarity', t.similarity, 'error_type', t.error_type, "
        "'error_message', t.error_message, 'event_id', coalesce(t.event_id, "
        + _ID.format(name="public.cache_metrics") + "))",
    ),
)  # fmt: skip


class Cursor(NamedTuple):
    """The last row that was read."""

    transaction: int
    id: str


class Choice(NamedTuple):
    """Which rows: those that `read` does not see, or those of `since` (Unix seconds) on; and that `until` sees."""

    read: str | None
    since: float | None
    until: str


class Page(NamedTuple):
    """Some rows as JSON, and the last one's place."""

    rows: Sequence[str]
    cursor: Cursor


_UNREAD = "not pg_visible_in_snapshot(t.written_in, %(read)s::pg_snapshot)"
_RECENT = "t.timestamp >= to_timestamp(%(since)s)"
_OURS = "((t.xmin::text::bigint - t.written_in::text::bigint) & 4294967295) < 2147483648"
"""Not a row that was restored from another cluster, whose transactions had higher numbers than are given here yet."""


def pages(
    pool: Pool, timeout_s: float, table: Table, spans: Sequence[Span], choice: Choice, cursor: Cursor | None
) -> Iterator[Page]:
    """The rows of these spans behind the cursor, each page in a transaction of its own."""
    query = _query(table, choice)
    for span in spans:
        start = cursor if cursor and cursor.transaction >= span.low else Cursor(span.low - 1, _lowest(table))
        while start.transaction < span.high:
            values = {**choice._asdict(), **span._asdict(), "xid": start.transaction, "id": start.id, "most": PAGE}
            with transaction(pool, timeout_s, **_PLANNER) as connection:
                rows = connection.execute(query, {name: _bound(value) for name, value in values.items()}).fetchall()
            if rows:
                start = Cursor(int(rows[-1][0]), rows[-1][1])
                yield Page([row[2] for row in rows], start)
            if len(rows) < PAGE:
                break


def _bound(value: object) -> object:
    # Numbers of transactions are sent as text: PostgreSQL has no cast from a number to them.
    return str(value) if isinstance(value, int) else value


def _lowest(table: Table) -> str:
    return "00000000-0000-0000-0000-000000000000" if table.id_type == "uuid" else "0"


def _query(table: Table, choice: Choice) -> bytes:
    conditions = [
        "t.written_in >= %(low)s::xid8",
        "t.written_in < %(high)s::xid8",
        f"(t.written_in, t.id) > (%(xid)s::xid8, %(id)s::{table.id_type})",
        "pg_visible_in_snapshot(t.written_in, %(until)s::pg_snapshot)",
        *([_RECENT] if choice.read is None else [_UNREAD, _OURS]),
    ]
    return (
        f"select t.written_in::text, t.id::text, {table.row}::text from {table.name} t "  # noqa: S608 - constants
        f"where {' and '.join(conditions)} order by t.written_in, t.id limit %(most)s::bigint"
    ).encode()
