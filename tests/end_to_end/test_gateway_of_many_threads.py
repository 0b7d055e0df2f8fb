"""Twenty thousand events like those of the recorded gateway, from many threads: every figure equals the truth."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row
from redis import Redis

from exporter.demo.members import RunningTotals, member
from tests import servers
from tests.databases import postgres_server
from tests.grafana.shipped import sql_targets
from tests.servers import ROOT, wait_until

RECORDED = [json.loads(line) for line in (ROOT / "tests/data/own_calls_redis.jsonl").read_text().splitlines()]
EVENTS = 20_000
WRITERS = 8
STEP_S = 0.005
MODELS = {"kimi-k2-0905-preview", "kimi-k2-turbo-preview", "glm-4.6"}
BOARD = {target.panel["title"]: target for target in sql_targets() if target.board["uid"] == "exai-error-details"}


class Write(NamedTuple):
    """A member of a sorted set."""

    key: str
    text: str
    score: float


def events(until: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """The recorded events again and again, with their keys and times of their own, the last at `until`."""
    for number, line in enumerate(islice(cycle(RECORDED), EVENTS)):
        event = json.loads(line["member"])
        del event["stats"]
        yield line["key"], {**event, "timestamp": round(until - (EVENTS - number) * STEP_S, 6)}


def written(gateway: Sequence[tuple[str, dict[str, Any]]]) -> list[Write]:
    totals = {event["connection_type"]: RunningTotals(event["connection_type"]) for _, event in gateway}
    members = [(key, member(event, totals[event["connection_type"]])) for key, event in gateway]
    return [Write(key, each.text, each.score) for key, each in members]


def write(url: str, writes: Sequence[Write]) -> None:
    """Write them from many threads, each thread every eighth."""
    threads = [threading.Thread(target=_write, args=(url, writes[part::WRITERS])) for part in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _write(url: str, writes: Sequence[Write]) -> None:
    with Redis.from_url(url) as client:
        for start in range(0, len(writes), 50):
            with client.pipeline(transaction=False) as pipeline:
                for each in writes[start : start + 50]:
                    pipeline.zadd(each.key, {each.text: each.score})
                pipeline.execute()


OUTCOMES = {"error": "error", "reject": "refused", "rate_limit": "refused"}
"""Of directions; each event of the gateway's call sites ends an operation."""


class Truth:
    """What the gateway did, by its own events."""

    def __init__(self, gateway: Sequence[tuple[str, dict[str, Any]]]) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.tokens: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.tracebacks = 0
        for _, event in gateway:
            metadata = event["metadata"] or {}
            self.outcomes[OUTCOMES.get(event["direction"], "ok")] += 1
            if event["direction"] == "error":
                self.errors[event["connection_type"]] += 1
                self.tracebacks += "error_traceback" in metadata
            if "model" in metadata:
                self.calls[metadata["model"], "error" if event["direction"] == "error" else "ok"] += 1
                self.tokens[metadata["model"]] += metadata["tokens"]


@pytest.fixture
def bundle(tmp_path: Path) -> Iterator[tuple[str, servers.Prometheus, psycopg.Connection[DictRow]]]:
    """The address of a Redis, a Prometheus and a database, with an exporter between them."""
    with ExitStack() as stack:
        database = stack.enter_context(postgres_server(tmp_path)).migrated("gateway")
        redis = stack.enter_context(servers.redis_server(tmp_path))
        env = {"EXAI_REDIS_URL": redis.url, "EXAI_DATABASE_URL": database}
        exporter = stack.enter_context(servers.exporter_server(tmp_path, env))
        prometheus = stack.enter_context(servers.prometheus_server(tmp_path, {"exai-exporter": [exporter.address]}))
        connection = psycopg.connect(database, autocommit=True, row_factory=dict_row)
        yield redis.url, prometheus, stack.enter_context(connection)


def by(prometheus: servers.Prometheus, label: str, selector: str) -> dict[str, float]:
    rows = prometheus.query(f"sum by ({label}) ({selector})")
    return {row["metric"].get(label, ""): float(row["value"][1]) for row in rows}


def test_every_figure_of_a_flood_from_many_threads_is_true(
    bundle: tuple[str, servers.Prometheus, psycopg.Connection[DictRow]],
) -> None:
    redis, prometheus, database = bundle
    gateway = list(events(time.time()))
    truth = Truth(gateway)
    write(redis, written(gateway))
    wait_until(
        lambda: sum(by(prometheus, "job", "exai_connection_events_total").values()) == EVENTS, 90, "all are scraped"
    )
    model, count = "gen_ai_request_model", "gen_ai_client_operation_duration_seconds_count"
    assert by(prometheus, model, f'{count}{{error_type=""}}') == {name: truth.calls[name, "ok"] for name in MODELS}
    failed = {name: number for (name, outcome), number in truth.calls.items() if outcome == "error"}
    assert by(prometheus, model, f'{count}{{error_type="rate_limited"}}') == failed
    assert by(prometheus, model, f'{count}{{error_type!~"|rate_limited"}}') == {}
    tokens = {name: number for name, number in truth.tokens.items() if number}
    assert by(prometheus, model, "gen_ai_client_token_usage_sum") == tokens
    assert by(prometheus, "connection_type", "exai_connection_errors_total") == truth.errors
    assert by(prometheus, "outcome", "exai_connection_operations_total") == truth.outcomes
    assert set(by(prometheus, "connection_type", "exai_exporter_source_missing_events_total > 0")) == set()
    learned = {"glm-4.6", "kimi-k2-preview", "kimi-k2-turbo-preview"}
    assert {name for name, timeout in by(prometheus, "model", "exai_timeout_seconds").items() if timeout > 0} == learned
    rows = "select model, outcome, count(*) as calls from monitoring.model_calls group by 1, 2"
    stored = lambda: {(row["model"], row["outcome"]): row["calls"] for row in database.execute(rows)}  # noqa: E731
    wait_until(lambda: sum(stored().values()) >= truth.calls.total(), 60, "all calls are stored")
    assert stored() == truth.calls
    now = datetime.now(UTC)
    (kept,) = database.execute(BOARD["Kept errors"].statement(now - timedelta(minutes=15), now, {})).fetchall()
    assert (kept["errors"], kept["with traceback"]) == (truth.errors.total(), truth.tracebacks)
