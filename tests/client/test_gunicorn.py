"""Under gunicorn, which loads an application once, forks its workers, and replaces them, each event counts once."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests import servers
from tests.servers import LOOPBACK, ROOT, Server, free_port, port_open, wait_until

APP = """
import os
from exporter.client.connection_monitor import get_monitor
from exporter.client.process_gauges import ProcessGauges
from exporter.client.request_tracer import RequestTracer
from exporter.client.snapshots import Snapshots
from exporter.client.timeouts import TimeoutClient
from exporter.client.wsgi import WsgiMiddleware

client = TimeoutClient(os.environ["EXAI_EXPORTER_URL"])
tracer = RequestTracer(client)
Snapshots(client, tracer.in_flight, ProcessGauges("shop"))
get_monitor().record_event("kimi", "send", "app.py", "master", 1)


@tracer.traced("order")
def serve(environ, start_response):
    get_monitor().record_event("kimi", "send", "app.py", f"worker {os.getpid()}", 1)
    start_response("200 OK", [("Content-Length", "1")])
    return [b"x"]


app = WsgiMiddleware(serve, client, "shop", route_of=lambda environ: "/orders/<number>")
"""
WORKERS, REQUESTS, REPLACED_AFTER = 3, 240, 50


@pytest.fixture
def exporter(redis_server: servers.Redis, exporter_server: Callable[[Mapping[str, str]], Server]) -> Server:
    return exporter_server({"EXAI_REDIS_URL": redis_server.url})


@pytest.fixture
def gunicorn(tmp_path: Path, redis_server: servers.Redis, exporter: Server) -> Iterator[Server]:
    (tmp_path / "shop.py").write_text(APP)
    port = free_port()
    options = ["--preload", "--workers", str(WORKERS), "--max-requests", str(REPLACED_AFTER), "--chdir", str(tmp_path)]
    argv = [sys.executable, "-m", "gunicorn", *options, "--bind", f"{LOOPBACK}:{port}", "shop:app"]
    env = {**os.environ, "REDIS_URL": redis_server.url, "EXAI_EXPORTER_URL": exporter.url, "PYTHONPATH": str(ROOT)}
    server = Server(argv, port, tmp_path / "gunicorn.log", lambda: port_open(port), env)
    with servers.kept_running(server):
        yield server


def ask(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310
        return int(reply.status)


def recorded_by(redis_server: servers.Redis) -> Counter[str]:
    """Who has written how many events."""
    with Redis.from_url(redis_server.url) as client:
        members: Any = client.zrange("connection_monitor:kimi:events", 0, -1)
    return Counter(json.loads(member)["function"] for member in members)


def counted(exporter: Server, family: str) -> float:
    with urllib.request.urlopen(f"{exporter.url}/metrics", timeout=10) as reply:  # noqa: S310
        lines = reply.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(family))


def test_each_event_of_each_worker_counts_once(gunicorn: Server, exporter: Server, redis_server: servers.Redis) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(ask, [f"{gunicorn.url}/orders/{number}" for number in range(REQUESTS)]))
    assert statuses == [200] * REQUESTS
    gunicorn.stop()
    found = recorded_by(redis_server)
    assert found.pop("master") == 1
    assert sum(found.values()) == REQUESTS
    assert len(found) > WORKERS  # Some were replaced, and have told theirs before they went.
    for family, events in (
        ("exai_connection_events_total", REQUESTS + 1),
        ('exai_http_requests_total{service="shop"', REQUESTS),
        ('exai_requests_total{tool="order"', REQUESTS),
    ):
        wait_until(lambda: counted(exporter, family) >= events, what=family)  # noqa: B023 - it is asked at once
        assert counted(exporter, family) == events
