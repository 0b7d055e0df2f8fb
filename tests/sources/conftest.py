"""One Redis for all tests that do not restart it, emptied for each; one PostgreSQL, with a database for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests import databases, servers
from tests.sources import postgres
from tests.sources.gateway import Clock, Gateway, Tail
from tests.sources.postgres import Connection

TEMPLATE = "template_migrated"


@pytest.fixture(scope="package")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Redis]:
    with servers.redis_server(tmp_path_factory.mktemp("shared")) as server:
        yield server


@pytest.fixture
def client(shared_redis: servers.Redis) -> Iterator[Redis]:
    with connect(shared_redis) as client:
        client.flushall()
        yield client


@pytest.fixture
def own_client(redis_server: servers.Redis) -> Iterator[Redis]:
    """A client of the Redis that the test may restart."""
    with connect(redis_server) as client:
        yield client


def connect(server: servers.Redis) -> Redis:
    """A client that retries as little as the exporter's."""
    return Redis.from_url(server.url, retry=Retry(NoBackoff(), 0))


@pytest.fixture
def gateway(client: Redis) -> Gateway:
    return Gateway(client)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tail(client: Redis, clock: Clock) -> Tail:
    return Tail(client, clock)


@pytest.fixture(scope="package")
def shared_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[databases.Postgres]:
    with databases.postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        server.migrated(TEMPLATE)
        yield server


@pytest.fixture
def database(shared_postgres: databases.Postgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """The connection string of a database of the test's own that has the schema."""
    name = f"test_{abs(hash(request.node.nodeid))}"
    yield shared_postgres.create(name, TEMPLATE)
    with shared_postgres.connect("postgres") as connection:
        connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def another(database: str) -> Iterator[Callable[[], Connection]]:
    """Opens connections to the test's database, in autocommit mode."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(psycopg.connect(database, autocommit=True))


@pytest.fixture
def rows(another: Callable[[], Connection]) -> Connection:
    """A connection to write rows with."""
    return another()


@pytest.fixture
def follower(database: str) -> Iterator[postgres.Tail]:
    """The Postgres source on a ledger."""
    tail = postgres.Tail(database)
    yield tail
    tail.pool.close()
