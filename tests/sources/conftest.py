"""One Redis for all tests that do not restart it, emptied for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests import servers
from tests.sources.gateway import Clock, Gateway, Tail


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
