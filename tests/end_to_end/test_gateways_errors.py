"""A gateway's errors come through Redis, the exporter and PostgreSQL to the board, with their tracebacks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row
from redis import Redis

from tests import servers
from tests.databases import postgres_server
from tests.grafana.shipped import sql_targets
from tests.servers import ROOT, wait_until

WRITES = [json.loads(line) for line in (ROOT / "tests/data/own_calls_redis.jsonl").open()]
BOARD = {target.panel["title"]: target for target in sql_targets() if target.board["uid"] == "exai-error-details"}
AGO_S = 60

Connection = psycopg.Connection[DictRow]


@pytest.fixture
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server.migrated("gateway")


def write(client: Redis) -> None:
    """Write the members as if they came a minute ago, so that the data stays valid as it ages."""
    shift = time.time() - AGO_S - max(each["score"] for each in WRITES)
    for each in WRITES:
        member = json.loads(each["member"])
        member["timestamp"] += shift
        client.zadd(each["key"], {json.dumps(member): each["score"] + shift})


def shown(database: Connection, title: str, **chosen: str) -> list[dict[str, Any]]:
    """Return what the panel of that title reads of the last quarter of an hour."""
    now = datetime.now(UTC)
    return database.execute(BOARD[title].statement(now - timedelta(minutes=15), now, chosen)).fetchall()


def test_the_errors_of_a_gateway_are_on_the_board_with_their_tracebacks(
    redis_server: servers.Redis,
    exporter_server: Callable[[Mapping[str, str]], servers.Server],
    dsn: str,
) -> None:
    with Redis.from_url(redis_server.url) as client:
        write(client)
    exporter_server({"EXAI_REDIS_URL": redis_server.url, "EXAI_DATABASE_URL": dsn})
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as database:
        wait_until(lambda: shown(database, "Kept errors")[0]["errors"] == 3, what="the errors are kept")
        assert shown(database, "Kept errors") == [{"errors": 3, "services": 2, "with traceback": 2}]
        newest_first = shown(database, "Errors, newest first")
        assert [(row["service"], row["error_type"], row["message"]) for row in newest_first] == [
            ("supabase", "RetryableError", "boom"),
            ("kimi", "rate_limited", "Error code: 429 - {'error': {'message': 'rate limit'}}"),
            ("kimi", "TimeoutError", "Request to https://api.moonshot.ai timed out"),
        ]
        bodies = [shown(database, "Message and traceback", error=row["id"])[0]["body"] for row in newest_first]
        assert [body.splitlines()[-1] for body in bodies] == [
            "RetryableError: boom",
            "No traceback came with it.",
            "TimeoutError: Request to https://api.moonshot.ai timed out",
        ]
