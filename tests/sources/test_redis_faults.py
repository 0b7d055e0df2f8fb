"""Redis goes away, comes back with or without its data, or is full: nothing is lost or doubled."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import redis

from exporter.app import App
from tests import servers
from tests.servers import wait_until
from tests.sources.gateway import NOW, Clock, Gateway, Tail
from tests.sources.served import make_settings, running, sample

EVENTS = "exai_connection_events_total"
UP = "exai_exporter_source_up"


def restart(server: servers.Redis, data: Path | None = None) -> None:
    """Kills Redis and starts it again; `data`: where its data lies, to be lost."""
    server.kill()
    if data:
        shutil.rmtree(data)
        data.mkdir()
    server.start()


@pytest.fixture
def own_tail(own_client: redis.Redis, clock: Clock) -> Tail:
    return Tail(own_client, clock)


def test_a_restart_with_data_kept_repeats_nothing(redis_server: servers.Redis, own_tail: Tail) -> None:
    gateway = Gateway(own_tail.client)
    gateway.add(*(NOW - 200 + number for number in range(200)))
    own_tail.poll()
    restart(redis_server)
    gateway.add(NOW - 100.5)
    own_tail.poll()
    own_tail.poll()
    assert (own_tail.ledger.counted, own_tail.ledger.late) == (201, 0)


def test_a_restart_with_data_lost_counts_as_many_others(
    redis_server: servers.Redis, own_tail: Tail, tmp_path: Path
) -> None:
    """The counts match while the contents differ."""
    gateway = Gateway(own_tail.client)
    gateway.add(*(NOW - 100 + number for number in range(80)))
    own_tail.poll()
    restart(redis_server, tmp_path / "redis")
    gateway.add(*(NOW - 99.5 + number for number in range(80)))
    assert (own_tail.poll().counted, own_tail.ledger.late) == (160, 0)


def test_what_comes_after_the_first_look_at_a_redis_that_lost_its_data_counts(
    redis_server: servers.Redis, own_tail: Tail, tmp_path: Path
) -> None:
    gateway = Gateway(own_tail.client)
    gateway.add(*(NOW - 100 + number for number in range(80)))
    own_tail.poll()
    restart(redis_server, tmp_path / "redis")
    own_tail.poll()
    gateway.add(*(NOW - 99.5 + number for number in range(80)))
    assert own_tail.poll().counted == 160
    own_tail.restart()
    gateway.add(NOW - 5)
    assert (own_tail.poll().counted, own_tail.ledger.late) == (161, 0)


def test_data_that_is_restored_after_its_loss_is_not_counted_again(
    redis_server: servers.Redis, own_tail: Tail, tmp_path: Path
) -> None:
    gateway = Gateway(own_tail.client)
    times = [NOW - 100 + number for number in range(80)]
    gateway.add(*times)
    own_tail.poll()
    restart(redis_server, tmp_path / "redis")
    own_tail.poll()
    gateway.add(*times, NOW - 5)
    assert own_tail.poll().counted == 81


def test_a_redis_that_is_full_is_read_on(own_client: redis.Redis, own_tail: Tail) -> None:
    gateway = Gateway(own_client)
    gateway.add(NOW - 3)
    own_tail.poll()
    gateway.add(NOW - 2)
    own_client.config_set("maxmemory-policy", "noeviction")
    own_client.config_set("maxmemory", "1")
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        gateway.add(NOW - 1)
    assert own_tail.poll().counted == 2
    own_client.config_set("maxmemory", "0")
    gateway.add(NOW - 1)
    assert own_tail.poll().counted == 3


def test_a_redis_that_is_away_at_start_silences_nobody(tmp_path: Path, clock: Clock) -> None:
    port = servers.free_port()
    app = App(make_settings(f"redis://127.0.0.1:{port}/0", tmp_path / "state", stream="events"), clock)
    with running(app):
        wait_until(lambda: not app.waiting_for(), what="ready without Redis")
        event = {"connection_type": "glm", "direction": "send", "timestamp": NOW}
        assert app.wsgi().test_client().post("/api/v1/events", json=event).status_code == 202
        wait_until(lambda: sample(app, EVENTS) == 1, what="the pushed event")
        assert [sample(app, UP, source=name) for name in ("http", "redis_zset", "redis_stream")] == [1, 0, 0]
        with servers.redis_server(tmp_path, port) as server, redis.Redis.from_url(server.url) as client:
            Gateway(client).add(NOW - 1)
            client.xadd("events", {"event": json.dumps({**event, "connection_type": "kimi"})})
            wait_until(lambda: sample(app, EVENTS) == 3, what="the events of Redis")
            wait_until(lambda: sample(app, UP) == 3, what="all sources up")


def test_a_redis_that_restarts_marks_the_sources_down_and_then_up_again(
    redis_server: servers.Redis, own_client: redis.Redis, tmp_path: Path, clock: Clock
) -> None:
    gateway = Gateway(own_client)
    gateway.add(NOW - 2)
    app = App(make_settings(redis_server.url, tmp_path / "state", stream="events"), clock)
    with running(app):
        wait_until(lambda: sample(app, UP) == 3, what="all sources up")
        redis_server.kill()
        wait_until(lambda: sample(app, UP) == 1, what="the sources of Redis down")
        assert sample(app, EVENTS) == 1
        redis_server.start()
        gateway.add(NOW - 1)
        wait_until(lambda: sample(app, EVENTS) == 2, what="the event after the restart")
        wait_until(lambda: sample(app, UP) == 3, what="all sources up again")


def test_a_source_that_fails_backs_off(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    app = App(make_settings("redis://127.0.0.1:1/0", tmp_path / "state"), clock)
    waits: list[float] = []
    runner = app._runners[1]
    sleep = runner._until_it_answered.sleep
    monkeypatch.setattr(runner._until_it_answered, "sleep", lambda seconds: (waits.append(seconds), sleep(0))[1])
    with running(app):
        wait_until(lambda: len(waits) >= 8, what="eight attempts")
    assert waits[0] < 1
    assert waits[:4] == sorted(waits[:4])
    assert max(waits) <= 15.5
    assert waits[7] >= 10
