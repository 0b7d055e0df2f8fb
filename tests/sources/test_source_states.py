"""Messages about a source that is down, or that answers and has nothing for us."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from redis import Redis

from exporter.connections import format_states, probe
from exporter.settings import RedisSettings, Settings
from exporter.types import SourceState
from tests import databases, servers
from tests.core.harness import Running, running
from tests.servers import LOOPBACK, free_port, wait_until
from tests.sinks import http_sink
from tests.sources.postgres import Connection

MEMBER = b'{"connection_type":"kimi","direction":"receive","timestamp":1790000000.0}'
PUSHED = '{"connection_type": "kimi", "direction": "receive", "timestamp": 1790000000}'
INSERT = "insert into public.cache_metrics (operation_type, implementation_type) values ('hit', 'new')"


def only(settings: Settings) -> SourceState:
    """The state of the one source that is probed."""
    (state,) = probe(settings)
    return state


def test_a_redis_that_is_away_is_down_and_says_what_to_check() -> None:
    port = free_port()
    state = only(Settings(redis_url=f"redis://:secret@{LOOPBACK}:{port}/0"))
    assert state == (
        "redis_zset",
        "down",
        f"Error 111 connecting to {LOOPBACK}:{port}. Connection refused: "
        "nothing listens there. Check the host and the port, and that the server runs",
    )


def test_a_host_that_nobody_knows_is_named() -> None:
    state = only(Settings(redis_url="redis://no-such-host.invalid:6379/0"))
    assert "the host name is unknown here. Check its spelling" in state.detail


def test_another_kind_of_server_is_told_from_a_redis() -> None:
    with http_sink() as sink:
        state = only(Settings(redis_url=f"redis://{LOOPBACK}:{sink.server_port}/0"))
    assert (state.state, "Check the port" in state.detail) == ("down", True)


def test_a_redis_without_a_gateway_is_empty(shared_redis: servers.Redis, client: Redis) -> None:
    url = shared_redis.url.removesuffix("/0") + "/3"
    assert only(Settings(redis_url=url)) == (
        "redis_zset",
        "empty",
        "connected, but db 3 has no `connection_monitor:*` keys: is this the gateway's Redis?",
    )
    client.zadd("connection_monitor:kimi:events", {MEMBER: 1790000000.0})
    assert only(Settings(redis_url=url)).state == "empty"
    assert only(Settings(redis_url=shared_redis.url)) == ("redis_zset", "up", "")


@pytest.mark.parametrize(
    ("user", "hint"),
    [
        ("", "the server wants a password. Add one to the URL"),
        ("reader:wrong@", "the user or the password is wrong"),
        ("reader:right@", "this user may not read there. Grant it the right"),
    ],
)
def test_what_a_redis_refuses_is_explained(
    shared_redis: servers.Redis, client: Redis, user: str, hint: str, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(lambda: client.execute_command("ACL", "SETUSER", "default", "nopass"))
    client.execute_command("ACL", "SETUSER", "reader", "on", ">right", "+info")
    client.execute_command("ACL", "SETUSER", "default", "resetpass", ">another")
    state = only(Settings(redis_url=f"redis://{user}{shared_redis.address}/0"))
    assert (state.state, hint in state.detail) == ("down", True), state
    assert "wrong@" not in state.detail


def test_a_stream_that_was_never_written_is_empty(shared_redis: servers.Redis, client: Redis) -> None:
    settings = Settings(redis_url=shared_redis.url, redis=RedisSettings(stream="exai:events"))
    _, stream = probe(settings)
    assert stream == (
        "redis_stream",
        "empty",
        "connected, but db 0 has no entry in the stream `exai:events`: do applications XADD to it here?",
    )
    client.xadd("exai:events", {"event": PUSHED})
    client.xtrim("exai:events", maxlen=0)
    assert probe(settings)[1].state == "up"


def test_a_database_without_rows_is_empty_and_one_with_a_row_is_up(
    shared_postgres: databases.Postgres, database: str, rows: Connection
) -> None:
    state = only(Settings(database_url=database))
    assert state.state == "empty"
    assert state.detail.startswith("connected, but monitoring.monitoring_events, monitoring.metrics_raw,")
    rows.execute(INSERT)
    assert only(Settings(database_url=database)) == ("postgres", "up", "")


def test_what_a_postgres_refuses_is_explained(shared_postgres: databases.Postgres, database: str) -> None:
    without = shared_postgres.create("without_schema")
    stranger = database.replace("postgres@", "stranger@")
    with shared_postgres.connect("postgres") as connection:
        connection.execute("create role onlooker login")
    details = {
        only(Settings(database_url=url)).detail
        for url in (
            without,
            database + "_nowhere",
            stranger,
            database.replace("postgres@", "onlooker@"),
            f"postgresql://postgres@{LOOPBACK}:{free_port()}/exai",
        )
    }
    for hint in (
        "Run `exai-exporter migrate`",
        "check the name after the last / of the URL",
        "check the user in the URL",
        "this user may not read there",
        "nothing listens there",
    ):
        assert any(hint in detail for detail in details), (hint, details)


def test_a_running_exporter_names_what_is_down_or_empty_and_stays_ready(
    shared_redis: servers.Redis, client: Redis, tmp_path: Path
) -> None:
    away = f"postgresql://postgres@{LOOPBACK}:{free_port()}/exai"
    with running(tmp_path, redis_url=shared_redis.url, database_url=away) as exporter:
        wait_until(lambda: exporter.client.get("/readyz").status_code == 200, what="ready")
        states = {each["name"]: each for each in exporter.client.get("/readyz").get_json()["sources"]}
        assert states["http"] == {"name": "http", "state": "up", "detail": ""}
        assert states["redis_zset"]["state"] == "empty"
        assert "is this the gateway's Redis?" in states["redis_zset"]["detail"]
        assert states["postgres"]["state"] == "down"
        assert "nothing listens there" in states["postgres"]["detail"]
        assert states["postgres_writer"] == {**states["postgres"], "name": "postgres_writer"}
        client.zadd("connection_monitor:kimi:events", {MEMBER: 1790000000.0})
        wait_until(lambda: _state(exporter, "redis_zset") == "up", what="the gateway's first event")


def test_a_source_that_goes_away_says_why(redis_server: servers.Redis, tmp_path: Path) -> None:
    with running(tmp_path, redis_url=redis_server.url) as exporter:
        wait_until(lambda: _state(exporter, "redis_zset") == "empty", what="contact")
        redis_server.kill()
        wait_until(lambda: _state(exporter, "redis_zset") == "down", what="the loss of contact")
        redis_server.start()
        wait_until(lambda: _state(exporter, "redis_zset") == "empty", what="contact again")


def test_a_line_has_name_state_and_reason() -> None:
    lines = list(format_states([SourceState("redis_zset", "down", "why"), SourceState("http", "up", "")]))
    assert [re.sub(r"\x1b\[\d+m", "", line).split() for line in lines] == [
        ["redis_zset", "down", "why"],
        ["http", "up"],
    ]


def _state(exporter: Running, name: str) -> str:
    found = exporter.client.get("/readyz").get_json()["sources"]
    return str({each["name"]: each["state"] for each in found}[name])
