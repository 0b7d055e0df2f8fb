"""One PostgreSQL for the tests of the writer, with a database of its own for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.databases import Postgres, postgres_server

TEMPLATE = "template_migrated"


@pytest.fixture(scope="package")
def shared_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        server.migrated(TEMPLATE)
        yield server


@pytest.fixture
def database(shared_postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """The connection string of a database of the test's own that has the schema."""
    name = f"test_{abs(hash(request.node.nodeid))}"
    yield shared_postgres.create(name, TEMPLATE)
    with shared_postgres.connect("postgres") as connection:
        connection.execute(f"drop database {name} with (force)".encode())
