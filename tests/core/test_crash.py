"""Two hundred thousand events while the exporter is killed ten times and Redis once: every one counts once."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path

from redis import Redis as Client
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from tests import servers
from tests.core.harness import EVENTS, samples, total
from tests.servers import wait_until

PUSHED, WRITTEN = 100_000, 100_000
A_BATCH = 500
CLIENTS = 4
KILLS = 10
TYPES = ("websocket", "redis", "supabase", "kimi", "glm")
BATCHES = PUSHED // A_BATCH + WRITTEN // A_BATCH


class Progress:
    """How many batches have been delivered."""

    def __init__(self) -> None:
        self.delivered = 0
        self._lock = threading.Lock()

    def step(self) -> None:
        with self._lock:
            self.delivered += 1


def pushed_batches(client: int) -> Iterator[tuple[str, bytes]]:
    """A client's batches: an idempotency key and a body each."""
    now = time.time()
    for number in range(client, PUSHED // A_BATCH, CLIENTS):
        events = [
            {
                "connection_type": "pushed", "direction": "send", "timestamp": now, "script_name": "client.py",
                "function_name": f"f{index % 20}", "data_size_bytes": index, "response_time_ms": 2.0,
            }
            for index in range(A_BATCH)
        ]  # fmt: skip
        yield f"batch-{number}", json.dumps(events).encode()


def push(url: str, progress: Progress, client: int) -> None:
    """Sends every batch, each until it is acknowledged."""
    for key, body in pushed_batches(client):
        while not acknowledged(url, key, body):
            threading.Event().wait(0.02)
        progress.step()


def acknowledged(url: str, key: str, body: bytes) -> bool:
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    request = urllib.request.Request(url + EVENTS, body, headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            return bool(reply.status == 202)
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise
        return False
    except (OSError, HTTPException):
        return False


def write(url: str, progress: Progress) -> None:
    """Writes sorted-set members as the gateway does; an answer that Redis never gave is asked for again."""
    client = Client.from_url(url, retry=Retry(ConstantBackoff(0.05), 400), retry_on_error=[ConnectionError, OSError])
    for number in range(WRITTEN // A_BATCH):
        kind = TYPES[number % len(TYPES)]
        members = {member(kind, number * A_BATCH + index): time.time() for index in range(A_BATCH)}
        client.zadd(f"connection_monitor:{kind}:events", members)
        progress.step()
    client.close()


def member(kind: str, number: int) -> str:
    event = {
        "connection_type": kind, "direction": "receive", "script": "gateway.py", "function": f"f{number % 20}",
        "timestamp": round(time.time(), 6), "data_size_bytes": 3, "response_time_ms": 1.0, "error": None,
        "metadata": {"number": number},
    }  # fmt: skip
    return json.dumps(event)


def kill_at(progress: Progress, moments: list[tuple[int, Callable[[], None]]]) -> None:
    """Does each thing once so many batches have been delivered."""
    for delivered, act in moments:
        wait_until(lambda delivered=delivered: progress.delivered >= delivered, 60, f"{delivered} batches delivered")
        act()


def restart(server: servers.Server) -> None:
    server.kill()
    server.start()


def shown(server: servers.Server) -> dict[str, float]:
    """Events by connection type, in all."""
    with suppress(OSError), urllib.request.urlopen(f"{server.url}/metrics", timeout=30) as reply:  # noqa: S310
        found = samples(reply.read().decode())
        return {kind: total(found, "exai_connection_events_total", connection_type=kind) for kind in (*TYPES, "pushed")}
    return {}


def test_a_killed_exporter_and_a_restarted_redis_lose_and_double_nothing(tmp_path: Path) -> None:
    progress = Progress()
    with ExitStack() as stack:
        redis = stack.enter_context(servers.redis_server(tmp_path))
        exporter = stack.enter_context(servers.exporter_server(tmp_path, {"EXAI_REDIS_URL": redis.url}))
        threads = [threading.Thread(target=push, args=(exporter.url, progress, client)) for client in range(CLIENTS)]
        threads.append(threading.Thread(target=write, args=(redis.url, progress)))
        for thread in threads:
            thread.start()
        moments = [(BATCHES * number // (KILLS + 1), lambda: restart(exporter)) for number in range(1, KILLS + 1)]
        moments.insert(KILLS // 2, (BATCHES // 2, lambda: restart(redis)))
        kill_at(progress, moments)
        for thread in threads:
            thread.join()
        expected = {**dict.fromkeys(TYPES, WRITTEN / len(TYPES)), "pushed": PUSHED}
        wait_until(lambda: sum(shown(exporter).values()) >= PUSHED + WRITTEN, 30, "every event to be counted")
        assert shown(exporter) == expected
        with urllib.request.urlopen(f"{exporter.url}/metrics", timeout=30) as reply:  # noqa: S310
            found = samples(reply.read().decode())
        each = sum(range(A_BATCH)) * PUSHED // A_BATCH
        assert total(found, "exai_connection_bytes_total", connection_type="pushed", direction="send") == each
        assert total(found, "exai_connection_response_seconds_count", connection_type="pushed") == PUSHED
        assert total(found, "exai_connection_response_seconds_count", connection_type="kimi") == WRITTEN / len(TYPES)
        assert total(found, "exai_exporter_source_missing_events_total") == 0
        exporter.stop()
        exporter.start()
        assert shown(exporter) == expected
