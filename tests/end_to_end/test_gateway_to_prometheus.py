"""A gateway's recorded members, through Redis, the exporter and Prometheus: its own totals, exactly."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from waitress.server import create_server

from exporter.app import App
from exporter.settings import RedisSettings, Settings
from tests import servers
from tests.servers import LOOPBACK, ROOT, wait_until

WRITES = [json.loads(line) for line in (ROOT / "tests/data/connection_monitor_redis.jsonl").open()]
STATS = json.loads((ROOT / "tests/data/connection_monitor_stats.json").read_text())
NEWEST = max(write["score"] for write in WRITES)
LATE = 250
"""Seconds that the last members come behind: inside the look-back."""


class Clock:
    """The recorded time, so that the data stays valid as it ages."""

    now = NEWEST + 2

    def __call__(self) -> float:
        return self.now


@contextmanager
def served(app: App, port: int) -> Iterator[None]:
    """The exporter as `serve` runs it, in threads of the test."""
    server = create_server(app.wsgi(), host=LOOPBACK, port=port, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    app.start()
    thread.start()
    try:
        yield
    finally:
        app.stop()
        # waitress leaves its loop when its sockets are gone.
        server.close()
        thread.join(30)


def add(client: Redis, writes: list[dict]) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for write in writes:
            pipeline.zadd(write["key"], {write["member"]: write["score"]})
        pipeline.execute()


def expected() -> dict[tuple[str, ...], float]:
    """What the gateway's stats hashes say: by type, its events, its errors and its bytes each way."""
    found: dict[tuple[str, ...], float] = {}
    for stats in STATS.values():
        kind = stats["connection_type"]
        found["events", kind] = int(stats["total_events"])
        found["errors", kind] = int(stats["total_errors"])
        found["send", kind] = int(stats["total_sent_bytes"])
        found["receive", kind] = int(stats["total_received_bytes"])
    return {key: value for key, value in found.items() if value}


def asked(prometheus: servers.Prometheus) -> dict[tuple[str, ...], float]:
    """The same, as Prometheus answers."""
    queries = {
        "events": "sum by (connection_type) (exai_connection_events_total)",
        "errors": 'sum by (connection_type) (exai_connection_events_total{direction="error"})',
        "send": 'sum by (connection_type) (exai_connection_bytes_total{direction="send"})',
        "receive": 'sum by (connection_type) (exai_connection_bytes_total{direction="receive"})',
    }
    return {
        (name, row["metric"]["connection_type"]): float(row["value"][1])
        for name, query in queries.items()
        for row in prometheus.query(query)
    }


def test_prometheus_has_the_gateways_own_totals(tmp_path: Path, redis_server: servers.Redis) -> None:
    writes = random.Random(3).sample(WRITES, len(WRITES))
    port, clock = servers.free_port(), Clock()
    settings = Settings(
        listen=f"{LOOPBACK}:{port}",
        state_dir=str(tmp_path / "state"),
        redis_url=redis_server.url,
        redis=RedisSettings(poll_interval_s=0.05),
    )
    app = App(settings, clock)
    with (
        Redis.from_url(redis_server.url) as client,
        served(app, port),
        servers.prometheus_server(tmp_path, {"exai-exporter": [f"{LOOPBACK}:{port}"]}) as prometheus,
    ):
        add(client, writes[:600])
        wait_until(lambda: sum(asked(prometheus).get(("events", kind), 0) for kind in kinds()) == 600, what="the first")
        clock.now += LATE
        add(client, writes[600:])
        wait_until(lambda: asked(prometheus) == expected(), what="the gateway's own totals in Prometheus")
        assert prometheus.value('exai_exporter_events_ingested_total{source="redis_zset",kind="connection"}') == 900
        unwanted = '{__name__=~"exai_exporter_(events_(rejected|duplicate)|source_(late|missing)_events)_total"}'
        assert prometheus.query(f"{unwanted} > 0") == []


def kinds() -> list[str]:
    return [stats["connection_type"] for stats in STATS.values()]
