"""The server of PostgreSQL: connections, memory, transactions and size."""

from __future__ import annotations

from grafana import postgres_queries as queries
from grafana.panels import Json, Line, colours, fields, line, timeseries


def lines() -> list[Line]:
    """Two lines of panels."""
    return [line(8, _connections(), _transactions(), _cache_hits()), line(8, _deadlocks(), _longest(), _sizes())]


def _connections() -> Json:
    return timeseries(
        "Connections",
        "Connections to all databases of the server, below the limit (max_connections). Near the limit: PostgreSQL "
        "refuses new ones; use a pooler, make pools smaller, or close what is idle.",
        queries.CONNECTIONS,
        unit="none",
        colors={"used": colours.SERVICES["supabase"]},
        overrides=fields.limits(),
    )


def _cache_hits() -> Json:
    return timeseries(
        "Cache hit ratio",
        "Share of the blocks that PostgreSQL had in its own memory. Below 99 % for long: the data in use does not fit "
        "into shared_buffers, or a query reads a whole table. The disk cache of the system may still have the rest.",
        queries.CACHE_HITS,
        unit="percentunit",
        near=0.9,
        high=1,
        colors={"from memory": colours.SERVICES["supabase"]},
    )


def _transactions() -> Json:
    return timeseries(
        "Transactions",
        "Transactions that were committed, and that were rolled back. More roll-backs than usual: statements fail; "
        "read the server's log.",
        queries.TRANSACTIONS,
        unit="suffix:/s",
        colors=colours.TRANSACTIONS,
    )


def _deadlocks() -> Json:
    return timeseries(
        "Deadlocks",
        "Deadlocks a minute. Each one ends a transaction with an error. More than none: two transactions lock the same "
        "rows in different orders; the server's log names both statements.",
        queries.DEADLOCKS,
        unit="suffix:/min",
        colors={"deadlocks": colours.BAD},
    )


def _longest() -> Json:
    return timeseries(
        "Longest transaction",
        "Age of the oldest open transaction. Idle in transaction for minutes: a client forgot to commit; it keeps "
        "locks and stops vacuum. To see transactions of other logins, postgres_exporter's login needs pg_monitor.",
        queries.LONGEST_TRANSACTION,
        unit="s",
        colors=colours.TRANSACTION_STATES,
    )


def _sizes() -> Json:
    return timeseries(
        "Size of the databases",
        "Bytes on disk of each database. Growing faster than the traffic: rows are kept too long, or vacuum cannot "
        "remove old ones; see the longest transaction.",
        queries.SIZES,
        unit="bytes",
        stacked=True,
    )
