"""The demo writes to Redis what the gateway would, byte for byte."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
import redis

from exporter.decode.gateway import decode_member
from exporter.demo.redis_writer import OURS, RedisWriter
from tests.demo.recorded import MEMBERS, WRITES, canonical, shape, site
from tests.demo.story import START, story
from tests.servers import Redis, free_port, wait_until

TYPES = ("websocket", "redis", "supabase", "kimi", "glm")
STORY = [event for event in story(60, rate=1) if event["kind"] == "connection"]


@contextmanager
def writing(url: str) -> Iterator[RedisWriter]:
    """A writer that has written everything when the block ends."""
    writer = RedisWriter(url)
    writer.start()
    try:
        yield writer
    finally:
        writer.close(grace_s=10)


@pytest.fixture
def client(redis_server: Redis) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
        yield client


def members(client: redis.Redis, connection_type: str) -> list[tuple[str, float]]:
    return client.zrange(f"connection_monitor:{connection_type}:events", 0, -1, withscores=True)


def test_recorded_events_are_written_as_the_gateway_wrote_them(redis_server: Redis, client: redis.Redis) -> None:
    last = {}
    with writing(redis_server.url) as writer:
        for event in MEMBERS:
            last[event["connection_type"]] = event["stats"]
            writer.set_active(event["connection_type"], event["stats"]["active_connections"])
            writer.record(canonical(event))
    for connection_type, stats in last.items():
        key = f"connection_monitor:{connection_type}:events"
        expected = {(write["member"], write["score"]) for write in WRITES if write["key"] == key}
        assert set(members(client, connection_type)) == expected
        written = client.hgetall(f"connection_monitor:{connection_type}:stats")
        assert written == {name: str(value) for name, value in stats.items()}


def test_simulated_members_have_the_shape_of_those_of_the_same_call_site(
    redis_server: Redis, client: redis.Redis
) -> None:
    record(redis_server.url, [event for event in story(240, rate=5) if event["kind"] == "connection"])
    recorded = {site(event): shape(event) for event in MEMBERS if event["function"] != "ask"}
    seen = Counter()
    for connection_type in TYPES:
        for text, score in members(client, connection_type):
            event = json.loads(text)
            seen[site(event)] += 1
            assert shape(event) == recorded.get(site(event), shape(event)), event
            assert event["direction"] != "duration_recorded"
            assert score == event["timestamp"]
            assert text == json.dumps(event)
    assert recorded.keys() <= seen.keys()


def test_the_exporter_takes_simulated_members(redis_server: Redis, client: redis.Redis) -> None:
    record(redis_server.url, STORY)
    seen = [decode_member(text.encode(), START + 60) for name in TYPES for text, _ in members(client, name)]
    kinds = Counter(type(event).__name__ for found in seen for event in found.events)
    calls = sum("model" in event["metadata"] for event in STORY)
    assert kinds == {"ConnectionEvent": len(STORY), "DurationEvent": calls}


def test_totals_count_each_member_and_the_hash_is_the_last(redis_server: Redis, client: redis.Redis) -> None:
    record(redis_server.url, STORY)
    for connection_type in TYPES:
        stats = [json.loads(text)["stats"] for text, _ in members(client, connection_type)]
        stats.sort(key=lambda one: one["total_events"])
        assert [one["total_events"] for one in stats] == list(range(1, len(stats) + 1))
        last = {name: str(value) for name, value in stats[-1].items()}
        assert client.hgetall(f"connection_monitor:{connection_type}:stats") == last


def test_a_second_run_continues_the_totals_of_the_first(redis_server: Redis, client: redis.Redis) -> None:
    with writing(redis_server.url) as writer:
        writer.record(connection(1))
    with writing(redis_server.url) as writer:
        writer.record(connection(2))
    first, second = (json.loads(text)["stats"] for text, _ in members(client, "redis"))
    assert (first["total_events"], second["total_events"]) == (1, 2)
    assert second["total_sent_bytes"] == 2 * first["total_sent_bytes"]


def test_the_events_expire_a_day_after_the_last_write(redis_server: Redis, client: redis.Redis) -> None:
    record(redis_server.url, STORY)
    for connection_type in TYPES:
        assert 86_000 < client.ttl(f"connection_monitor:{connection_type}:events") <= 86_400
        assert client.ttl(f"connection_monitor:{connection_type}:stats") == -1


def test_open_connections_are_told_with_the_next_event(redis_server: Redis, client: redis.Redis) -> None:
    with writing(redis_server.url) as writer:
        writer.set_active("redis", 7)
        writer.record(connection(1))
    assert client.hget("connection_monitor:redis:stats", "active_connections") == "7"


def test_a_full_batch_does_not_wait_for_its_time(
    redis_server: Redis, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RedisWriter, "every_s", 600.0)
    with writing(redis_server.url) as writer:
        for second in range(150):
            writer.record(connection(second))
        wait_until(lambda: client.exists("connection_monitor:redis:events"), what="the first batch")
        assert client.zcard("connection_monitor:redis:events") == 100
    assert client.zcard("connection_monitor:redis:events") == 150


def test_a_real_gateways_redis_is_left_alone(redis_server: Redis, client: redis.Redis) -> None:
    client.zadd(WRITES[0]["key"], {WRITES[0]["member"]: WRITES[0]["score"]})
    with writing(redis_server.url) as writer:
        writer.record(connection(1))
    assert writer.tally.refused == 1
    assert "real gateway" in writer.tally.trouble
    assert client.keys() == [WRITES[0]["key"]]


def test_its_own_redis_is_known_again(redis_server: Redis, client: redis.Redis) -> None:
    record(redis_server.url, STORY)
    assert client.ttl(OURS) > 86_400


def test_what_redis_missed_comes_when_it_is_back(redis_server: Redis, client: redis.Redis) -> None:
    redis_server.kill()
    with writing(redis_server.url) as writer:
        writer.record(connection(1))
        writer.every_s = 0
        wait_until(lambda: writer.tally.trouble, what="a first try")
        redis_server.start()
        wait_until(lambda: writer.tally.sent == 1, what="the event to be written")
    assert len(members(client, "redis")) == 1


def test_what_does_not_fit_is_dropped_and_counted() -> None:
    writer = RedisWriter(f"redis://127.0.0.1:{free_port()}/0")
    for second in range(1100):
        writer.record(connection(second))
    assert writer.tally.dropped == 100


def record(url: str, events: Sequence[dict]) -> None:
    with writing(url) as writer:
        for event in events:
            writer.record(event)


def connection(second: float) -> dict:
    first = next(event for event in STORY if event.get("connection_type") == "redis")
    return {**first, "direction": "send", "timestamp": START + second}
