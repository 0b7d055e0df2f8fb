"""A first contact that a crash cut short ends after the restart, and what it hid is shown."""

from __future__ import annotations

import json
import time
from pathlib import Path

from redis import Redis

from exporter.fold.loop import CATCHING_UP
from exporter.fold.store import open_store
from exporter.state_dir import STORE
from tests import servers
from tests.core.examples import minimal
from tests.core.harness import running
from tests.servers import wait_until

NAME = "exai_connection_events_total"


def add(client: Redis, kind: str, number: int) -> None:
    """One event of the gateway."""
    event = {"connection_type": kind, "direction": "send", "timestamp": time.time(), "metadata": {"number": number}}
    client.zadd(f"connection_monitor:{kind}:events", {json.dumps(event): event["timestamp"]})


def test_a_first_contact_that_was_cut_short_is_ended(tmp_path: Path, redis_server: servers.Redis) -> None:
    settings = {"redis_url": redis_server.url, "redis": {"poll_interval_s": 0.05}}
    client = Redis.from_url(redis_server.url)
    add(client, "kimi", 1)
    with running(tmp_path / "state", **settings) as exporter:
        wait_until(lambda: exporter.value(NAME, connection_type="kimi") == 1, what="the first event")
    store = open_store(tmp_path / "state" / STORE)
    store.execute("INSERT INTO position VALUES ('redis_zset', ?, ?)", (CATCHING_UP, b"1"))
    store.close()
    add(client, "kimi", 2)
    with running(tmp_path / "state", **settings) as exporter:
        wait_until(lambda: exporter.client.get("/readyz").status_code == 200, what="ready")
        exporter.push([minimal("connection", connection_type="glm")])
        wait_until(lambda: exporter.value(NAME, connection_type="kimi") == 2, what="the second event")
        assert exporter.value(NAME, connection_type="glm") == 1
    client.close()
