"""A connection to PostgreSQL, named and refused without its password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

Connection = psycopg.Connection[TupleRow]

_CONNECT_TIMEOUT_S = 10


class DatabaseError(Exception):
    """The database cannot be reached, or refuses; the text holds no password."""


@contextmanager
def connect(dsn: str) -> Iterator[Connection]:
    """A connection in autocommit mode until the block ends.

    Raises:
        DatabaseError: `dsn` is no connection string, or nothing answers there, or a statement of the block fails.
    """
    try:
        conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        # Not its own text: that quotes the string.
        raise DatabaseError("dsn: is no connection string: postgresql://user:password@host:port/database") from None
    try:
        with psycopg.connect(
            dsn,
            autocommit=True,
            connect_timeout=_CONNECT_TIMEOUT_S,
            application_name="exai",
            # None is prepared: behind a pooler the next who gets the session would meet it.
            prepare_threshold=None,
        ) as connection:
            yield connection
    except psycopg.Error as error:
        raise DatabaseError(_told(error)) from error


def place(connection: Connection) -> str:
    """Where the connection leads to, as `database at host:port`."""
    info = connection.info
    return f"{info.dbname} at {info.host}:{info.port}"


def _told(error: psycopg.Error) -> str:
    hint = error.diag.message_hint
    return str(error).strip() if not hint else f"{error.diag.message_primary}: {hint}"
