"""The bundle beside a gateway that writes what the recorded one wrote, and nothing else."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from redis import Redis

from exporter.demo.members import RunningTotals, member
from tests import servers
from tests.databases import postgres_server
from tests.grafana.live import Live, alertmanager_server, node_exporter_server

RECORDED: list[dict[str, Any]] = [
    json.loads(line) for line in (servers.ROOT / "tests/data/own_calls_redis.jsonl").read_text().splitlines()
]
_EVERY_S = 1.0


@contextmanager
def watched(home: Path) -> Iterator[Live]:
    """Run the bundle over a Redis in which the recorded events happen again every second."""
    with ExitStack() as stack:
        database = stack.enter_context(postgres_server(home)).migrated("recorded")
        redis = stack.enter_context(servers.redis_server(home))
        exporter = stack.enter_context(
            servers.exporter_server(home, {"EXAI_REDIS_URL": redis.url, "EXAI_DATABASE_URL": database})
        )
        alertmanager = stack.enter_context(alertmanager_server(home, exporter))
        jobs = {"exai-exporter": [exporter.address], "node": [stack.enter_context(node_exporter_server(home)).address]}
        prometheus = stack.enter_context(servers.prometheus_server(home, jobs, alertmanager.address))
        servers.write_targets(home / "prometheus/targets", {"prometheus": [prometheus.address]})
        evaluate_often(prometheus, home / "prometheus/rules")
        started = time.time()
        stack.enter_context(_repeated(redis))
        yield Live(prometheus, database, started)


def evaluate_often(prometheus: servers.Prometheus, rules: Path) -> None:
    """Evaluate every group of rules each few seconds: the first evaluation of a group of 5 minutes may take as long."""
    for path in rules.glob("*.yml"):
        path.write_text(re.sub(r"^    interval: \w+$", "    interval: 5s", path.read_text(), flags=re.MULTILINE))
    prometheus.stop()
    prometheus.start()


@contextmanager
def _repeated(redis: servers.Redis) -> Iterator[None]:
    """Write all recorded members every second, each in its place within that second."""
    stop = threading.Event()
    thread = threading.Thread(target=_repeat, args=(redis.url, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _repeat(url: str, stop: threading.Event) -> None:
    totals = {
        name: RunningTotals(name) for name in {json.loads(line["member"])["connection_type"] for line in RECORDED}
    }
    with Redis.from_url(url) as client:
        while not stop.is_set():
            _write(client, totals, time.time())
            stop.wait(_EVERY_S)


def _write(client: Redis, totals: Mapping[str, RunningTotals], until: float) -> None:
    """Write the recorded members with new times and totals, and the stats hashes that go with them."""
    moved = until - max(line["score"] for line in RECORDED)
    with client.pipeline(transaction=False) as pipeline:
        for line in RECORDED:
            event = json.loads(line["member"])
            stats = event.pop("stats")
            event["timestamp"] += moved
            of_type = totals[stats["connection_type"]]
            of_type.active_connections = stats["active_connections"]
            written = member(event, of_type)
            pipeline.zadd(line["key"], {written.text: written.score})
            pipeline.hset(line["key"].replace(":events", ":stats"), mapping=written.stats)
        pipeline.execute()
