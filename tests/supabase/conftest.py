"""One PostgreSQL for all tests that do not restart it, and databases copied from a template that has the schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from exporter.database import migrations
from tests.databases import Postgres, as_supabase, postgres_server

PLAIN_TABLES = Path(__file__).with_name("gateway_tables.sql")
MIGRATED, CONVERTED = "template_migrated", "template_converted"
SCHEDULED = "scheduled"
"""The implementation of a row that pg_cron is to roll up, written when the server starts."""

Connection = psycopg.Connection[tuple[object, ...]]
Fresh = Callable[..., str]


@pytest.fixture(scope="package")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server; its database `exai` has the schema and pg_cron, which starts to work there at once."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        server.migrated("exai")
        with server.connect() as connection:
            query = "insert into public.cache_metrics (operation_type, implementation_type) values ('hit', %s)"
            connection.execute(query, (SCHEDULED,))
        server.migrated(MIGRATED)
        server.create(CONVERTED)
        with server.connect(CONVERTED) as connection:
            as_supabase(connection)
            connection.execute(PLAIN_TABLES.read_bytes())
            list(migrations.apply(connection, migrations.load()))
        yield server


@pytest.fixture
def fresh(postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[Fresh]:
    """Makes a database of its own for the test, from a template, and returns its connection string."""
    made: list[str] = []

    def make(template: str = MIGRATED) -> str:
        made.append(f"test_{abs(hash(request.node.nodeid))}_{len(made)}")
        return postgres.create(made[-1], template)

    yield make
    with postgres.connect("postgres") as connection:
        for name in made:
            connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def database(fresh: Fresh) -> Iterator[Connection]:
    """A connection, in autocommit mode, to a database that has the schema."""
    with psycopg.connect(fresh(), autocommit=True) as connection:
        yield connection
