"""A gateway's model calls come through Redis and the exporter to rows of PostgreSQL, each once."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row
from redis import Redis

from tests import servers
from tests.databases import Postgres, postgres_server
from tests.servers import ROOT, wait_until

OWN_CALLS = [json.loads(line) for line in (ROOT / "tests/data/own_calls_redis.jsonl").open()]
MODEL_CALLS = 61
COPIES = 20
AGO_S = 60

Member = dict[str, Any]
Expected = Mapping[tuple[str, str], Mapping[str, Any]]
"""What the rows of a model and an outcome add up to."""


@pytest.fixture
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres_server(tmp_path_factory.mktemp("postgres"), durable=True) as server:
        server.migrated("gateway")
        yield server


def write(client: Redis, copy: int) -> list[Member]:
    """Write all members as if they came a minute ago, each copy a little later than the one before."""
    shift = time.time() - AGO_S - max(each["score"] for each in OWN_CALLS) + copy / 100
    members = []
    for each in OWN_CALLS:
        member = json.loads(each["member"])
        member["timestamp"] += shift
        client.zadd(each["key"], {json.dumps(member): each["score"] + shift})
        members.append(member)
    return members


def expected(members: list[Member]) -> Expected:
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for member in members:
        metadata = member["metadata"] or {}
        if "model" not in metadata:
            continue
        of_kind = found[metadata["model"], "error" if member["direction"] == "error" else "ok"]
        of_kind["calls"] += 1
        of_kind["tokens"] += metadata["tokens"]
        of_kind["milliseconds"] += member["response_time_ms"]
        of_kind["stopped"] += metadata.get("finish_reason") is not None
    return found


def stored(database: psycopg.Connection[DictRow]) -> Expected:
    rows = database.execute(
        "select model, outcome, count(*) as calls, coalesce(sum(total_tokens), 0)::bigint as tokens, "
        "sum(duration_ms) as milliseconds, count(finish_reason) as stopped from monitoring.model_calls group by 1, 2"
    ).fetchall()
    return {(row.pop("model"), row.pop("outcome")): row for row in rows}


def count(database: psycopg.Connection[DictRow]) -> int:
    (row,) = database.execute("select count(*) from monitoring.model_calls").fetchall()
    return int(row["count"])


def test_the_calls_of_a_gateway_are_rows_once_each_though_everything_is_killed(
    redis_server: servers.Redis,
    exporter_server: Callable[[Mapping[str, str]], servers.Server],
    postgres: Postgres,
) -> None:
    exporter = exporter_server({"EXAI_REDIS_URL": redis_server.url, "EXAI_DATABASE_URL": postgres.dsn("gateway")})
    members: list[Member] = []
    with Redis.from_url(redis_server.url) as client:
        for copy in range(COPIES):
            members += write(client, copy)
            if copy % 5 == 1:
                exporter.kill()
                exporter.start()
            if copy == 8:
                postgres.kill()
            if copy == 12:
                postgres.start()
    with psycopg.connect(postgres.dsn("gateway"), autocommit=True, row_factory=dict_row) as database:
        wait_until(lambda: count(database) >= COPIES * MODEL_CALLS, timeout_s=60, what="all calls are kept")
        exporter.kill()
        exporter.start()
        assert stored(database) == expected(members)
        failed = database.execute(
            "select distinct error_type, connection_type, function_name from monitoring.model_calls "
            "where outcome <> 'ok'"
        ).fetchall()
    assert failed == [
        {
            "error_type": "rate_limited",
            "connection_type": "kimi",
            "function_name": "kimi_chat.chat_completions_create",
        }
    ]
