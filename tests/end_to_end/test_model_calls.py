"""A gateway's own events fill the series of model calls: each call once, however it is told and whatever is killed."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from tests import servers
from tests.core.harness import EVENTS, Samples, samples, total
from tests.servers import ROOT, Server, wait_until

OWN_CALLS = [json.loads(line) for line in (ROOT / "tests/data/own_calls_redis.jsonl").read_text().splitlines()]
DURATION = "gen_ai_client_operation_duration_seconds_count"
TOKENS = "gen_ai_client_token_usage_sum"
MODELS = ("kimi-k2-0905-preview", "kimi-k2-turbo-preview", "glm-4.6")
CALLS = 1000
LOOK_BACK_S = 300


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a model, as the gateway describes it and as an application records it."""

    number: int
    at: float

    @property
    def model(self) -> str:
        return MODELS[self.number % len(MODELS)]

    def described(self) -> tuple[str, str, float]:
        """The sorted set, the member and its score."""
        kind = "glm" if self.model.startswith("glm") else "kimi"
        member = {
            "timestamp": self.at, "connection_type": kind, "direction": "receive", "script": "kimi_chat",
            "function": "kimi_chat.chat_completions_create", "data_size_bytes": 5000, "response_time_ms": 5400.0,
            "error": None, "metadata": {"model": self.model, "tokens": 100, "number": self.number},
        }  # fmt: skip
        return f"connection_monitor:{kind}:events", json.dumps(member), self.at

    def recorded(self) -> dict[str, Any]:
        """The `duration` event."""
        return {
            "kind": "duration", "model": self.model, "duration_ms": 5400.0, "timestamp": self.at, "total_tokens": 100,
            "event_id": f"call-{self.number}",
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Observed:
    """A real Redis and an exporter that reads it."""

    exporter: Server
    redis: Redis

    def describe(self, calls: Sequence[Call]) -> None:
        """Write what the gateway writes, a batch of a hundred at a time."""
        for start in range(0, len(calls), 100):
            with self.redis.pipeline(transaction=False) as pipeline:
                for key, member, score in (call.described() for call in calls[start : start + 100]):
                    pipeline.zadd(key, {member: score})
                pipeline.execute()

    def record(self, calls: Sequence[Call]) -> None:
        """Push what an application records; a batch whose reply is lost is pushed again."""
        for start in range(0, len(calls), 50):
            body = json.dumps([call.recorded() for call in calls[start : start + 50]]).encode()
            wait_until(lambda body=body: self._accepts(body), what="a push is accepted")  # type: ignore[misc]

    def _accepts(self, body: bytes) -> bool:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.exporter.url + EVENTS, body, headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
                return bool(reply.status == 202)
        except OSError:
            return False

    def scrape(self) -> Samples:
        with urllib.request.urlopen(f"{self.exporter.url}/metrics", timeout=30) as reply:  # noqa: S310
            return samples(reply.read().decode())

    def has_read(self, members: int) -> None:
        """Wait until so many members of Redis have been counted."""
        wait_until(lambda: total(self.scrape(), "exai_connection_events_total") >= members, what=f"{members} members")

    def calls(self) -> dict[str, float]:
        found = self.scrape()
        return {model: total(found, DURATION, gen_ai_request_model=model) for model in MODELS}


@contextmanager
def observed(tmp_path: Path) -> Iterator[Observed]:
    """Start both; the exporter polls often and has a checkpoint only every five seconds."""
    config = tmp_path / "exai.yml"
    config.write_text("redis: {poll_interval_s: 0.05}\n")
    with servers.redis_server(tmp_path) as redis:
        env = {"EXAI_REDIS_URL": redis.url, "EXAI_CONFIG": str(config)}
        retry = Retry(ConstantBackoff(0.05), 400)
        with servers.exporter_server(tmp_path, env) as exporter, Redis.from_url(redis.url, retry=retry) as client:
            yield Observed(exporter, client)


def made(count: int, until: float, step_s: float = 0.1) -> list[Call]:
    """Calls, one every `step_s`, the last at `until`."""
    return [Call(number, round(until - (count - number) * step_s, 6)) for number in range(count)]


def by_model(calls: Sequence[Call]) -> dict[str, float]:
    return {model: sum(call.model == model for call in calls) for model in MODELS}


def together(*actions: Callable[[], object]) -> None:
    """Run the actions at the same time; AssertionError if one fails."""
    failures: list[BaseException] = []

    def run(action: Callable[[], object]) -> None:
        try:
            action()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def test_a_gateways_own_events_are_its_model_calls(tmp_path: Path) -> None:
    moved = time.time() - max(line["score"] for line in OWN_CALLS)
    calls: Counter[tuple[str, bool]] = Counter()
    tokens: Counter[str] = Counter()
    with observed(tmp_path) as running:
        for line in OWN_CALLS:
            member = json.loads(line["member"])
            member["timestamp"] += moved
            running.redis.zadd(line["key"], {json.dumps(member): line["score"] + moved})
            metadata = member["metadata"] or {}
            if "model" in metadata:
                calls[metadata["model"], member["direction"] == "error"] += 1
                tokens[metadata["model"]] += metadata["tokens"]
        running.has_read(len(OWN_CALLS))
        found = running.scrape()
    for model in MODELS:
        of_model = {"gen_ai_request_model": model}
        assert total(found, DURATION, **of_model, error_type="") == calls[model, False] == 20
        assert total(found, DURATION, **of_model) == calls[model, False] + calls[model, True]
        assert total(found, TOKENS, **of_model, gen_ai_token_type="total") == tokens[model]
        assert total(found, TOKENS, **of_model) == tokens[model]
    assert sum(calls.values()) == 61
    learned = {
        dict(labels)["model"]: value for (name, labels), value in found.items() if name == "exai_timeout_samples"
    }
    # The estimate that the last call was given rests on those before it.
    assert learned == {"kimi-k2-preview": 19, "kimi-k2-turbo-preview": 19, "glm-4.6": 19}


def test_a_thousand_calls_count_once_however_they_are_told(tmp_path: Path) -> None:
    (tmp_path / "described").mkdir()
    (tmp_path / "recorded").mkdir()
    calls = made(CALLS, time.time())
    with observed(tmp_path / "described") as running:
        running.describe(calls)
        running.has_read(CALLS)
        assert running.calls() == by_model(calls)
    with observed(tmp_path / "recorded") as running:
        running.record(calls)
        assert running.calls() == by_model(calls)


@pytest.mark.parametrize("killed", [False, True])
def test_a_thousand_calls_that_are_told_both_ways_count_once_after_a_first_recorded_one(
    tmp_path: Path, killed: bool
) -> None:
    calls = made(CALLS, time.time())
    with observed(tmp_path) as running:
        running.record(calls[: len(MODELS)])
        assert running.calls() == dict.fromkeys(MODELS, 1)

        def kill() -> None:
            if killed:
                running.exporter.kill()
                running.exporter.start()

        for start in range(0, CALLS, CALLS // 4):
            part = calls[start : start + CALLS // 4]
            together(lambda part=part: running.describe(part), lambda part=part: running.record(part), kill)  # type: ignore[misc]
        running.has_read(CALLS)
        assert running.calls() == by_model(calls)


def test_from_an_empty_state_only_calls_of_one_look_back_count_twice(tmp_path: Path) -> None:
    calls = made(CALLS, time.time(), step_s=2.0)
    with observed(tmp_path) as running:
        running.describe(calls)
        running.has_read(CALLS)
        running.record(calls)
        found = running.calls()
    twice = {model: found[model] - count for model, count in by_model(calls).items()}
    last = {call.model: call.at for call in calls}
    recent = by_model([call for call in calls if call.at >= last[call.model] - LOOK_BACK_S])
    print(f"counted twice, of {CALLS} calls: {sum(twice.values()):.0f}, all within {LOOK_BACK_S} s of the switch")  # noqa: T201
    assert all(0 < twice[model] <= recent[model] for model in MODELS)


def test_from_an_empty_state_calls_that_are_told_both_ways_at_once_count_twice_until_the_switch(tmp_path: Path) -> None:
    calls = made(CALLS, time.time())
    with observed(tmp_path) as running:
        together(lambda: running.describe(calls), lambda: running.record(calls))
        running.has_read(CALLS)
        found = running.calls()
        assert running.redis.zcard("connection_monitor:glm:events") == by_model(calls)["glm-4.6"]
    twice = {model: found[model] - count for model, count in by_model(calls).items()}
    print(f"counted twice, of {CALLS} calls told both ways at once: {sum(twice.values()):.0f}")  # noqa: T201
    assert all(0 <= count < by_model(calls)[model] for model, count in twice.items())
