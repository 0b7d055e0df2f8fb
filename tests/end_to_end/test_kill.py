"""An exporter that is killed with -9 while it reads Redis resumes exactly."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from tests import servers
from tests.servers import wait_until
from tests.sources.gateway import Gateway

Start = Callable[[Mapping[str, str]], servers.Server]


def counted(exporter: servers.Server, source: str) -> float:
    """How many connection events of the source /metrics shows."""
    with urllib.request.urlopen(f"{exporter.url}/metrics", timeout=10) as reply:  # noqa: S310
        text = reply.read().decode()
    wanted = {"source": source, "kind": "connection"}
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "exai_exporter_events_ingested_total" and sample.labels == wanted
    )


def test_kills_while_redis_is_read_lose_and_repeat_nothing(
    tmp_path: Path, redis_server: servers.Redis, exporter_server: Start
) -> None:
    config = tmp_path / "config.yml"
    config.write_text('{"redis": {"poll_interval_s": 0.05, "stream": "events"}, "checkpoint_interval_s": 0.1}')
    now = time.time()
    with Redis.from_url(redis_server.url) as client:
        exporter = exporter_server({"EXAI_REDIS_URL": redis_server.url, "EXAI_CONFIG": str(config)})
        gateway = Gateway(client)
        for number in range(5):
            gateway.add(*(now - 200 + number / 100 + place / 5 for place in range(900)))
            with client.pipeline(transaction=False) as pipeline:
                for _ in range(900):
                    event = {"connection_type": "kimi", "direction": "send", "timestamp": now}
                    pipeline.xadd("events", {"event": json.dumps(event)})
                pipeline.execute()
            enough = 900 * number + 100
            wait_until(lambda enough=enough: counted(exporter, "redis_zset") > enough, what="some of the members")
            exporter.kill()
            exporter.start()
        expected = len(client.zrange("connection_monitor:redis:events", 0, -1))
        wait_until(lambda: counted(exporter, "redis_zset") >= expected, what="all members")
        wait_until(lambda: counted(exporter, "redis_stream") >= 4500, what="all entries")
        gateway.add(now)
        wait_until(lambda: counted(exporter, "redis_zset") > expected, what="one more member")
        assert (counted(exporter, "redis_zset"), counted(exporter, "redis_stream")) == (expected + 1, 4500)
