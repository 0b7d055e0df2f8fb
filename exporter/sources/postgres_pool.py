"""Connections to PostgreSQL: a few, shared by the source and the writer, and no statement without an end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

Database = Connection[TupleRow]
Pool = ConnectionPool[Database]

_PATIENCE_S = 5.0
_APPLICATION = "exai-exporter"
_PARAMETERS = {
    "connect_timeout": int(_PATIENCE_S),
    "application_name": _APPLICATION,
    # None is prepared, so that a pooler may stand between.
    "prepare_threshold": None,
}


def make_pool(dsn: str, size: int) -> Pool:
    """A pool of at most `size` connections, none of them made before it is opened and asked for one."""
    return ConnectionPool(
        dsn,
        kwargs=dict(_PARAMETERS),
        min_size=0,
        max_size=size,
        open=False,
        timeout=_PATIENCE_S,
        # Whoever waits asks again: a back-off of the pool's own would only be added to that of the sources.
        reconnect_timeout=_PATIENCE_S,
        check=ConnectionPool.check_connection,
        name=_APPLICATION,
    )


def connect(pool: Pool) -> Database:
    """A connection beside those of the pool, in autocommit mode; unlike these it says at once what is wrong."""
    return Connection.connect(str(pool.conninfo), autocommit=True, **_PARAMETERS)  # type: ignore[arg-type]


@contextmanager
def transaction(pool: Pool, statement_timeout_s: float, **settings: str) -> Iterator[Database]:
    """A connection for one transaction, in which no statement takes longer, with these settings of the server."""
    local = {"statement_timeout": f"{statement_timeout_s * 1000:.0f}", **settings}
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(pool.connection())
        except PoolTimeout:
            # The pool does not say why it has none; a connection beside it fails with the reason.
            connect(pool).close()
            raise
        calls = ", ".join(["set_config(%s, %s, true)"] * len(local))
        # Local to the transaction: behind a pooler the session may be somebody else's next.
        connection.execute(f"select {calls}".encode(), [word for pair in local.items() for word in pair])
        yield connection
