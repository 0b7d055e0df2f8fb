"""A gateway that stops in the middle of a flood: what it dropped is on the series, and an alert says so."""

from __future__ import annotations

import time
from pathlib import Path

from redis import Redis

from exporter.app import App
from exporter.settings import RedisSettings, Settings
from tests import servers
from tests.end_to_end.test_gateway_to_prometheus import served
from tests.servers import LOOPBACK, wait_until
from tests.sources.flooding import FloodingWriter
from tests.sources.gateway import key_of, member

LOOK_BACK_S = 5.0
EVENTS = 20_000


def test_what_a_flood_dropped_is_claimed_and_alerted_after_the_gateway_has_stopped(
    tmp_path: Path, redis_server: servers.Redis
) -> None:
    port = servers.free_port()
    settings = Settings(
        listen=f"{LOOPBACK}:{port}",
        state_dir=str(tmp_path / "state"),
        redis_url=redis_server.url,
        redis=RedisSettings(poll_interval_s=0.05, look_back_s=LOOK_BACK_S),
    )
    app = App(settings, time.time)
    with (
        Redis.from_url(redis_server.url) as client,
        served(app, port),
        servers.prometheus_server(tmp_path, {"exai-exporter": [f"{LOOPBACK}:{port}"]}) as prometheus,
    ):
        client.zadd(key_of("kimi"), {member(at := time.time(), 1, kind="kimi"): at})
        missing = 'exai_exporter_source_missing_events_total{connection_type="kimi"}'
        wait_until(lambda: prometheus.value(missing) == 0, what="a loss of none is shown")
        writer = FloodingWriter(capacity=100, total=1)
        writer.flood(threads=4, events=EVENTS // 4)
        points = writer.written()
        dropped = max(total for _, total in points) - 1 - len(points)
        assert dropped > EVENTS / 10
        for at, total in points:
            client.zadd(key_of("kimi"), {member(at, total, kind="kimi"): at})
        wait_until(lambda: prometheus.value(missing) == dropped, what="what was dropped is claimed")
        wait_until(lambda: prometheus.firing("ExaiEventsMissing"), what="the alert fires")
        ingested = 'exai_exporter_events_ingested_total{source="redis_zset",kind="connection"}'
        assert prometheus.value(ingested) == len(points) + 1
        assert prometheus.query("exai_exporter_source_late_events_total > 0") == []
