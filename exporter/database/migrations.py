"""Brings a database to the schema in `supabase/migrations`, one transaction a file.

The files can be applied twice without harm, so that it does not matter whether `supabase db push` or this came first.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from psycopg.sql import SQL

from exporter import shipped_files
from exporter.database.connection import Connection, DatabaseError

DIRECTORY = shipped_files.path("supabase/migrations")
BOOTSTRAP = shipped_files.path("supabase/bootstrap.sql")

_NAME = re.compile(r"(\d{14})_([a-z0-9_]+)\.sql")
_LOCK = 7_271_053_001
"""The advisory lock of whoever migrates."""

_HISTORY = SQL("""
    create schema if not exists monitoring;
    create table if not exists monitoring.migrations (
      version text primary key,
      name text not null,
      sha256 text not null,
      applied_at timestamptz not null default now()
    );
    alter table monitoring.migrations enable row level security;
""")


@dataclass(frozen=True, slots=True)
class Migration:
    """One change of the schema."""

    version: str
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """The checksum of its text, in hexadecimal digits."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.version}_{self.name}"


def load(directory: Path = DIRECTORY) -> list[Migration]:
    """The migrations of a directory, in the order in which they are applied.

    Raises:
        DatabaseError: a file's name is not `<14 digits>_<name>.sql`, or a version comes twice.
        MissingFileError: there is no migration.
    """
    found: dict[str, Migration] = {}
    for path in shipped_files.matching(directory, "*.sql"):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise DatabaseError(f"{path.name}: the name of a migration is <14 digits>_<name>.sql")
        if match[1] in found:
            raise DatabaseError(f"{path.name}: its version is that of {found[match[1]]}")
        found[match[1]] = Migration(match[1], match[2], path.read_text(encoding="utf-8"))
    return list(found.values())


def pending(connection: Connection, migrations: Sequence[Migration]) -> list[Migration]:
    """Those that the database lacks; nothing is written.

    Raises:
        DatabaseError: a file was changed after it was applied, or comes before one that was.
    """
    applied = _applied(connection)
    for migration in migrations:
        if applied.get(migration.version, migration.sha256) != migration.sha256:
            raise DatabaseError(f"{migration} was changed after it was applied: make a new file for a new change")
    missing = [migration for migration in migrations if migration.version not in applied]
    if missing and applied and missing[0].version < max(applied):
        raise DatabaseError(f"{missing[0]} comes before {max(applied)}, which is applied: give it a later version")
    return missing


def apply(connection: Connection, migrations: Sequence[Migration]) -> Iterator[Migration]:
    """Applies what is pending, and yields each migration once it is committed.

    Two that migrate at once wait for each other.

    Raises:
        DatabaseError: as `pending`.
    """
    connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
    try:
        for migration in pending(connection, migrations):
            with connection.transaction():
                # Without parameters, psycopg sends a file with many statements as it is.
                connection.execute(migration.sql.encode())
                connection.execute(_HISTORY)
                connection.execute(
                    "insert into monitoring.migrations (version, name, sha256) values (%s, %s, %s)",
                    (migration.version, migration.name, migration.sha256),
                )
            yield migration
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(%s)", (_LOCK,))


def bootstrap(connection: Connection) -> None:
    """Makes the roles and the publication that Supabase brings and plain PostgreSQL lacks; needs a superuser."""
    with connection.transaction():
        connection.execute(shipped_files.read(BOOTSTRAP).encode())


def _applied(connection: Connection) -> Mapping[str, str]:
    there = connection.execute("select to_regclass('monitoring.migrations') is not null").fetchone()
    if there is None or not there[0]:
        return {}
    return dict(connection.execute("select version, sha256 from monitoring.migrations").fetchall())
