"""An application of 0.1 records model calls in both its ways; nothing counts twice when 0.2 takes over its state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from tests import servers
from tests.core.harness import EVENTS, Samples, samples, total
from tests.servers import ROOT, Server, wait_until
from tests.tree import checkout_old, needs_old

BOTH_WAYS, RECORDED, DESCRIBED = "kimi-k2-0905-preview", "glm-4.6", "kimi-k2-turbo-preview"
"""Models whose calls the application pushes and describes, records with the drop-in monitor, and only describes."""

CALLS = 40
MEMBERS = 3 * CALLS
"""Calls of each model that one run of the application makes, and the members of Redis it writes."""

COUNT = "gen_ai_client_operation_duration_seconds_count"
TOKENS = "gen_ai_client_token_usage_sum"

APPLICATION = f"""
from exporter.client.connection_monitor import get_monitor

monitor = get_monitor()
for number in range({CALLS}):
    for model in ("{BOTH_WAYS}", "{DESCRIBED}"):
        metadata = {{"model": model, "tokens": 100, "number": number}}
        monitor.record_kimi_event("receive", "chat_completions_create", 5000, response_time_ms=900.0, metadata=metadata)
    monitor.record_duration("{RECORDED}", 700.0 + number, 60, 40)
assert monitor.flush(20)
"""


def scrape(exporter: Server) -> Samples:
    with urllib.request.urlopen(f"{exporter.url}/metrics", timeout=30) as reply:  # noqa: S310
        return samples(reply.read().decode())


@contextmanager
def exporting(tmp_path: Path, code: Path, redis_url: str) -> Iterator[Server]:
    with servers.exporter_server(tmp_path, {"EXAI_REDIS_URL": redis_url}, code) as exporter:
        yield exporter


def members_are_read(exporter: Server, client: Redis) -> None:
    """Wait until each member of the sorted sets has been counted."""
    written = sum(client.zcard(key) for key in client.keys("connection_monitor:*:events"))  # type: ignore[arg-type,misc]
    wait_until(lambda: total(scrape(exporter), "exai_connection_events_total") == written, what=f"{written} members")


def run_application(code: Path, client: Redis, redis_url: str, exporter: Server) -> None:
    """Make the calls with the drop-in monitor of that code; once they are read, push those that are pushed too."""
    env = {**os.environ, "REDIS_URL": redis_url, "EXAI_REDIS_URL": redis_url}
    subprocess.run((sys.executable, "-c", APPLICATION), cwd=code, env=env, check=True)
    members_are_read(exporter, client)
    call = {"kind": "duration", "timestamp": time.time(), "model": BOTH_WAYS, "duration_ms": 900.0, "total_tokens": 100}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(exporter.url + EVENTS, json.dumps([call] * CALLS).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
        assert json.load(reply)["accepted"] == CALLS


@needs_old
def test_calls_of_an_upgraded_application_count_once(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    checkout_old(old)
    with servers.redis_server(tmp_path) as redis, Redis.from_url(redis.url) as client:
        with exporting(tmp_path, old, redis.url) as exporter:
            run_application(old, client, redis.url, exporter)
            before = scrape(exporter)
            exporter.kill()
        with exporting(tmp_path, ROOT, redis.url) as exporter:
            members_are_read(exporter, client)
            kept = scrape(exporter)
            run_application(ROOT, client, redis.url, exporter)
            after = scrape(exporter)
    for model, runs in ((BOTH_WAYS, (1, 1, 2)), (RECORDED, (1, 1, 2)), (DESCRIBED, (0, 0, 1))):
        counted = [total(found, COUNT, gen_ai_request_model=model) for found in (before, kept, after)]
        assert counted == [CALLS * run for run in runs], model
    assert total(after, "exai_connection_events_total") == 2 * MEMBERS
    assert total(after, TOKENS, gen_ai_request_model=DESCRIBED, gen_ai_token_type="total") == 100 * CALLS
