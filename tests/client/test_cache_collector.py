"""What a semantic cache imports: its operations reach the exporter, the edge function, or both."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporter.client import cache_collector, cache_targets
from exporter.client.cache_collector import CacheCollector
from exporter.client.cache_settings import collector_from
from exporter.client.delivery import Sent
from exporter.events import CacheEvent
from tests.servers import LOOPBACK, ROOT, Server, free_port, wait_until
from tests.sinks import HttpSink, http_sink

NOWHERE = f"http://{LOOPBACK}:1"


@pytest.fixture
def edge() -> Iterator[HttpSink]:
    """What stands in the place of the edge function."""
    with http_sink() as sink:
        yield sink


def base(sink: HttpSink) -> str:
    """The sink as an exporter."""
    return f"http://{LOOPBACK}:{sink.server_port}"


def to_exporter(sink: HttpSink, **options: Any) -> CacheCollector:
    """A collector for the exporter alone."""
    return CacheCollector([cache_targets.exporter(base(sink))], **options)


def to_edge(sink: HttpSink, **options: Any) -> CacheCollector:
    """A collector for the edge function alone."""
    return CacheCollector([cache_targets.edge_function(sink.url, "the-key")], **options)


def counted(exporter: Server) -> dict[str, float]:
    """Operations of the new implementation as the exporter shows them."""
    with urllib.request.urlopen(f"{exporter.url}/metrics", timeout=10) as reply:  # noqa: S310
        lines = reply.read().decode().splitlines()
    found = (line for line in lines if line.startswith('exai_cache_operations_total{implementation="new"'))
    return {line.split('operation="')[1].split('"')[0]: float(line.rpartition(" ")[2]) for line in found}


@pytest.fixture
def own_collector(http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch) -> Iterator[CacheCollector]:
    """The collector of this process, whose exporter is the sink."""
    monkeypatch.setattr(cache_collector, "_collectors", [])
    monkeypatch.setenv("CACHE_METRICS_EXPORTER_URL", base(http_sink))
    yield cache_collector.get_collector()
    cache_collector.get_collector().stop(0.1)


def record_all() -> None:
    """Each kind of operation once."""
    cache_collector.record_cache_hit("k", "new", response_time_ms=15, cache_size=450, similarity=0.93)
    cache_collector.record_cache_miss("k", "new", 25, 500, similarity=0.4)
    cache_collector.record_cache_set("k", "new", response_time_ms=10.5, cache_size=451, metadata={"tokens": 12})
    cache_collector.record_cache_evict("k", "new", cache_size=450)
    cache_collector.record_cache_error("k", "new", "RedisConnectionError", "Connection timeout")


def test_each_operation_is_an_event_that_the_exporter_takes(own_collector: CacheCollector, http_sink: HttpSink) -> None:
    record_all()
    assert own_collector.flush()
    events = http_sink.bodies[0]
    taken = [msgspec.convert(event, CacheEvent) for event in events]
    assert [event.operation for event in taken] == ["hit", "miss", "set", "evict", "error"]
    assert [event["kind"] for event in events] == ["cache"] * 5
    assert {event.implementation for event in taken} == {"new"}
    assert all(abs(event.timestamp - time.time()) < 5 for event in taken)
    assert len({event.event_id for event in taken}) == 5
    assert [event.response_time_ms for event in taken] == [15, 25, 10.5, None, None]
    assert [event.cache_size for event in taken] == [450, 500, 451, 450, None]
    assert [event.similarity for event in taken] == [0.93, 0.4, None, None, None]
    assert events[2]["metadata"] == {"tokens": 12}
    assert (taken[4].error_type, taken[4].error_message) == ("RedisConnectionError", "Connection timeout")


def test_a_real_exporter_counts_each_once(exporter_server: Callable[[dict[str, str]], Server], edge: HttpSink) -> None:
    exporter = exporter_server({})
    targets = [cache_targets.exporter(exporter.url), cache_targets.edge_function(edge.url)]
    with CacheCollector(targets) as collector:
        for operation in ("hit", "hit", "miss", "set", "evict", "error"):
            collector.record(operation, "k", "new", 12.5)
        assert collector.flush()
        assert collector.statistics() == {"exporter": Sent(taken=6), "edge_function": Sent(taken=6)}
    once = {"hit": 2, "miss": 1, "set": 1, "evict": 1, "error": 1}
    assert counted(exporter) == once
    # The rows of the edge function, as the exporter reads them from Postgres.
    rows = edge.bodies[0]["metrics"]
    again = [{"kind": "cache", "operation": row["operation_type"], "implementation": row["implementation_type"],
              "timestamp": row["timestamp"], "event_id": row["event_id"]} for row in rows]  # fmt: skip
    request = urllib.request.Request(  # noqa: S310
        f"{exporter.url}/api/v1/events", json.dumps(again).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
    assert counted(exporter) == once


def test_the_edge_function_gets_rows_under_a_batch_id(edge: HttpSink) -> None:
    with to_edge(edge) as collector:
        collector.record("error", "k", "legacy", 3, error_type="Timeout", error_message="late")
        assert collector.flush()
    batch = edge.bodies[0]
    assert len(batch.pop("batch_id")) == 32
    row = batch["metrics"][0]
    assert abs(row.pop("timestamp") - time.time()) < 5
    assert len(row.pop("event_id")) == 32
    assert row == {
        "operation_type": "error",
        "implementation_type": "legacy",
        "cache_key": "k",
        "response_time_ms": 3,
        "error_type": "Timeout",
        "error_message": "late",
    }
    assert list(batch) == ["metrics"]


def test_an_operation_has_one_id_wherever_it_goes(http_sink: HttpSink, edge: HttpSink) -> None:
    targets = [cache_targets.exporter(base(http_sink)), cache_targets.edge_function(edge.url)]
    with CacheCollector(targets) as collector:
        for _ in range(50):
            collector.record("hit", "k", "new")
        assert collector.flush()
    events = [(event["event_id"], event["timestamp"]) for event in http_sink.bodies[0]]
    assert len(set(events)) == 50
    assert [(row["event_id"], row["timestamp"]) for row in edge.bodies[0]["metrics"]] == events


def test_a_batch_goes_when_it_is_full(http_sink: HttpSink) -> None:
    collector = to_exporter(http_sink, batch_size=3)
    for _ in range(8):
        collector.record("hit", "k", "new")
    wait_until(lambda: len(http_sink.bodies) == 2, what="two full batches")
    assert collector.get_stats() == {"collected": 8, "sent": 6, "failed": 0, "dropped": 0, "buffered": 2}
    collector.stop()
    assert [len(body) for body in http_sink.bodies] == [3, 3, 2]


def test_a_batch_that_is_not_full_goes_after_the_interval(http_sink: HttpSink) -> None:
    collector = to_exporter(http_sink, flush_interval_s=0.2)
    began = time.monotonic()
    collector.record("hit", "k", "new")
    wait_until(lambda: http_sink.bodies, what="the batch")
    assert 0.2 <= time.monotonic() - began < 2
    collector.stop()


def test_a_batch_that_failed_is_sent_again_under_its_id(edge: HttpSink) -> None:
    edge.status = 503
    collector = to_edge(edge, batch_size=1)
    collector.record("hit", "k", "new")
    wait_until(lambda: len(edge.bodies) >= 3, what="other tries")
    assert collector.get_stats() == {"collected": 1, "sent": 0, "failed": 0, "dropped": 0, "buffered": 1}
    edge.status = 200
    assert collector.flush()
    assert len({json.dumps(body) for body in edge.bodies}) == 1
    assert collector.get_stats()["sent"] == 1
    collector.stop()


def test_a_last_flush_does_not_wait_for_the_pause_after_a_failure(
    edge: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.client.patience.Backoff.failed", lambda _: 60.0)
    edge.status = 503
    collector = to_edge(edge, batch_size=1)
    collector.record("hit", "k", "new")
    wait_until(lambda: edge.bodies, what="the failure")
    edge.status = 200
    collector.stop(5)
    assert collector.get_stats()["sent"] == 1


def test_what_is_refused_has_failed_and_is_not_sent_again(edge: HttpSink) -> None:
    edge.status = 400
    with to_edge(edge) as collector:
        collector.record("look", "k", "new")
        assert collector.flush()
        assert collector.get_stats() == {"collected": 1, "sent": 0, "failed": 1, "dropped": 0, "buffered": 0}
    assert len(edge.bodies) == 1


def test_what_a_real_exporter_refuses_is_told_once(
    exporter_server: Callable[[dict[str, str]], Server], caplog: pytest.LogCaptureFixture
) -> None:
    with CacheCollector([cache_targets.exporter(exporter_server({}).url)]) as collector:
        for _ in range(2):
            collector.record("look", "k", "new")
            collector.record("hit", "k", "new")
            assert collector.flush()
        assert collector.statistics() == {"exporter": Sent(taken=2, refused=2)}
    assert [message for message in caplog.messages if "operation" in message] == caplog.messages
    assert len(caplog.messages) == 1


def test_a_token_that_is_wrong_is_told_once_and_not_shown(edge: HttpSink, caplog: pytest.LogCaptureFixture) -> None:
    edge.status = 401
    collector = to_edge(edge, batch_size=1)
    collector.record("hit", "k", "new")
    wait_until(lambda: len(edge.bodies) >= 3, what="other tries")
    assert len(caplog.messages) == 1
    assert "401" in caplog.text
    assert "the-key" not in caplog.text
    collector.stop(0)


def test_a_buffer_that_is_full_drops_and_counts(http_sink: HttpSink) -> None:
    http_sink.status = 503
    collector = to_exporter(http_sink, capacity=50, batch_size=1)
    collector.record("hit", "k", "new")
    wait_until(lambda: http_sink.bodies, what="the first is under way")
    for _ in range(79):
        collector.record("hit", "k", "new")
    assert collector.get_stats() == {"collected": 80, "sent": 0, "failed": 0, "dropped": 29, "buffered": 51}
    collector.stop(0)
    wait_until(lambda: collector.get_stats()["dropped"] == 80, what="the one under way is given up too")


def test_a_target_that_is_away_does_not_hold_up_the_other(edge: HttpSink) -> None:
    collector = CacheCollector([cache_targets.exporter(NOWHERE), cache_targets.edge_function(edge.url)])
    collector.record("hit", "k", "new")
    collector.stop(0.5)
    assert collector.statistics() == {"exporter": Sent(dropped=1), "edge_function": Sent(taken=1)}


def test_threads_lose_nothing(http_sink: HttpSink) -> None:
    collector = to_exporter(http_sink, flush_interval_s=0.01)

    def work() -> None:
        for _ in range(500):
            collector.record("hit", "k", "new")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert collector.flush(10)
    events = [event["event_id"] for body in http_sink.bodies for event in body]
    assert len(events) == len(set(events)) == 4000
    assert collector.get_stats()["sent"] == 4000
    collector.stop()


def test_after_a_stop_it_drops_and_after_a_start_it_takes(http_sink: HttpSink) -> None:
    collector = to_exporter(http_sink)
    collector.record("hit", "k", "new")
    collector.stop()
    collector.record("hit", "k", "new")
    collector.start()
    collector.record("miss", "k", "new")
    collector.stop()
    assert [event["operation"] for body in http_sink.bodies for event in body] == ["hit", "miss"]
    assert collector.get_stats() == {"collected": 3, "sent": 2, "failed": 0, "dropped": 1, "buffered": 0}


def test_it_is_started_and_stopped_from_an_event_loop(own_collector: CacheCollector, http_sink: HttpSink) -> None:
    async def work() -> None:
        await cache_collector.start_collector()
        record_all()
        await cache_collector.stop_collector()

    asyncio.run(work())
    assert len(http_sink.bodies[0]) == 5
    assert own_collector.get_stats()["sent"] == 5


def test_an_event_loop_goes_on_while_it_stops() -> None:
    async def work() -> int:
        turns = 0
        async with CacheCollector([cache_targets.exporter(NOWHERE)]) as collector:
            collector.record("hit", "k", "new")
            stopping = asyncio.create_task(asyncio.to_thread(collector.stop, 0.3))
            while not stopping.done():
                turns += 1
                await asyncio.sleep(0.01)
        return turns

    assert asyncio.run(work()) > 5


class Unwritable:
    """What has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "arguments",
    [
        (Unwritable(), "new"),
        (None, "new"),
        (b"key", "new"),
        ("k", None),
        ("k", Unwritable()),
        ("k", "new", float("nan")),
        ("k", "new", "soon"),
        ("k", "new", object()),
        ("k", "new", 1.0, float("inf")),
        ("k" * 100_000, "new" * 100_000),
        ("\ud83d", "new"),
    ],
)
def test_nothing_is_raised_into_the_application(http_sink: HttpSink, arguments: tuple[Any, ...]) -> None:
    with to_exporter(http_sink) as collector:
        collector.record("hit", *arguments)
        collector.record("hit", "k", "new", metadata={"one": object(), "self": arguments})
        assert collector.flush()
        assert collector.get_stats()["collected"] == 2


def test_what_is_too_long_is_cut(http_sink: HttpSink) -> None:
    with to_exporter(http_sink) as collector:
        collector.record("hit", "k" * 999, "n" * 999, 1.5, error_message="m" * 9999, metadata={"a": "x" * 9999})
        assert collector.flush()
    event = http_sink.bodies[0][0]
    assert [len(event[key]) for key in ("cache_key", "implementation", "error_message")] == [512, 128, 2000]
    assert event["response_time_ms"] == 1.5
    assert "metadata" not in event


@pytest.mark.parametrize("off", ["false", "0", "No", "OFF"])
def test_when_it_is_off_nothing_is_collected(off: str) -> None:
    collector = collector_from({"CACHE_METRICS_ENABLED": off})
    collector.record("hit", "k", "new")
    assert collector.get_stats()["collected"] == 0
    assert collector.statistics() == {}


def test_the_environment_says_how_much_and_how_often(http_sink: HttpSink) -> None:
    environment = {"CACHE_METRICS_EXPORTER_URL": base(http_sink), "CACHE_METRICS_BATCH_SIZE": "2"}
    collector = collector_from({**environment, "CACHE_METRICS_FLUSH_INTERVAL": "0.2"})
    for _ in range(3):
        collector.record("hit", "k", "new")
    wait_until(lambda: len(http_sink.bodies) == 2, what="a full batch, and one after its interval")
    assert [len(body) for body in http_sink.bodies] == [2, 1]
    collector.stop()


def test_the_environment_says_where_to(tmp_path: Path) -> None:
    assert list(collector_from({}).statistics()) == ["exporter"]
    edge = {"CACHE_METRICS_EDGE_URL": "https://project.example/functions/v1/cache-metrics-aggregator"}
    assert list(collector_from(edge).statistics()) == ["edge_function"]
    both = {**edge, "CACHE_METRICS_EXPORTER_URL": "http://127.0.0.1:9464"}
    assert list(collector_from(both).statistics()) == ["exporter", "edge_function"]


def test_a_token_may_come_from_a_file(exporter_server: Callable[[dict[str, str]], Server], tmp_path: Path) -> None:
    exporter = exporter_server({})
    environment = {
        "CACHE_METRICS_EXPORTER_URL": exporter.url,
        "CACHE_METRICS_EXPORTER_TOKEN_FILE": str(tmp_path / "state" / "push-token"),
    }
    with collector_from(environment) as collector:
        collector.record("hit", "k", "new")
        assert collector.flush()
        assert collector.get_stats()["sent"] == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("BATCH_SIZE", "many"),
        ("BATCH_SIZE", "0"),
        ("BATCH_SIZE", "nan"),
        ("FLUSH_INTERVAL", "-1"),
        ("FLUSH_INTERVAL", "inf"),
        ("EXPORTER_URL", "redis://:the-secret@127.0.0.1"),
        ("EDGE_URL", "no URL"),
        ("EXPORTER_TOKEN_FILE", "/nowhere/at/all"),
    ],
)
def test_what_cannot_be_used_is_told_and_not_raised(key: str, value: str, caplog: pytest.LogCaptureFixture) -> None:
    collector = collector_from({f"CACHE_METRICS_{key}": value})
    collector.record("hit", "k", "new")
    assert len(caplog.messages) == 1
    assert f"CACHE_METRICS_{key}" in caplog.text
    assert "the-secret" not in caplog.text
    collector.stop(0)


@pytest.mark.parametrize("start", ["", "asyncio.run(c.start_collector())\n", "c.get_collector().start()\n"])
def test_nothing_is_lost_at_the_end_of_a_program(http_sink: HttpSink, edge: HttpSink, start: str) -> None:
    program = f"import asyncio, exporter.client.cache_collector as c\n{start}c.record_cache_hit('k', 'new', 1.5)\n"
    environment = {"CACHE_METRICS_EXPORTER_URL": base(http_sink), "CACHE_METRICS_EDGE_URL": edge.url}
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=20, env={**os.environ, **environment})
    assert [event["operation"] for event in http_sink.bodies[0]] == ["hit"]
    assert [row["operation_type"] for row in edge.bodies[0]["metrics"]] == ["hit"]


def test_targets_that_are_away_do_not_hold_up_the_end_of_a_program() -> None:
    program = "import exporter.client.cache_collector as c\nc.record_cache_hit('k', 'new')\n"
    away = f"http://{LOOPBACK}:{free_port()}/"
    environment = {**os.environ, "CACHE_METRICS_EXPORTER_URL": away, "CACHE_METRICS_EDGE_URL": away}
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=20, env=environment)
    assert time.monotonic() - began < 6


def test_a_forked_child_sends_its_own_operations_and_not_its_parents_again(http_sink: HttpSink) -> None:
    collector = to_exporter(http_sink)
    collector.record("hit", "parent", "new")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        collector.record("hit", "child", "new")
        os._exit(0 if collector.flush() and collector.get_stats()["sent"] == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
    collector.stop()
    assert sorted(event["cache_key"] for body in http_sink.bodies for event in body) == ["child", "parent"]
