"""An exporter that is killed with -9 resumes exactly."""

from __future__ import annotations

import json
import sqlite3
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from exporter.state_dir import STORE
from tests import servers
from tests.core.harness import EVENTS, samples, total
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


def test_a_killed_exporter_still_compares_calls_with_the_first_of_their_conversation(
    tmp_path: Path, exporter_server: Start
) -> None:
    config = tmp_path / "config.yml"
    config.write_text('{"checkpoint_interval_s": 0.1}')
    exporter = exporter_server({"EXAI_CONFIG": str(config)})
    for number in range(1, 4):
        push(exporter, [trace(f"c{number}-{place}", 1, 2.0) for place in range(100)])
        wait_until(lambda number=number: first_calls(tmp_path) == 100 * number, what="the first calls are saved")
        exporter.kill()
        exporter.start()
    push(exporter, [trace(f"c{number}-{place}", 3, 5.0) for number in range(5) for place in range(100)])
    assert slowdowns(exporter) == (300, 300 * 2.5)


def trace(conversation: str, number: int, seconds: float) -> dict[str, Any]:
    """A call of a conversation that spends so many seconds in one layer."""
    start = round(time.time()) - 60
    span = {"layer": "ai_api", "start_time": start, "end_time": start + seconds}
    named = {"conversation_id": conversation, "call_index": number, "trace_id": f"{conversation}-{number}"}
    times = {"start_time": start, "end_time": start + seconds}
    return {"kind": "trace", "tool_name": "chat", "status": "success", "spans": [span], **named, **times}


def push(exporter: servers.Server, events: list[dict[str, Any]]) -> None:
    """Push events; they are on disk then."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(exporter.url + EVENTS, json.dumps(events).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
        assert reply.status == 202


def first_calls(home: Path) -> int:
    """How many first calls are on the disk."""
    with closing(sqlite3.connect(home / "state" / STORE)) as store:
        return int(store.execute("SELECT count(*) FROM first_call").fetchone()[0])


def slowdowns(exporter: servers.Server) -> tuple[float, float]:
    """Number and sum of the ratios on /metrics."""
    with urllib.request.urlopen(f"{exporter.url}/metrics", timeout=10) as reply:  # noqa: S310
        found = samples(reply.read().decode())
    name = "exai_call_slowdown_ratio"
    return total(found, f"{name}_count"), total(found, f"{name}_sum")
