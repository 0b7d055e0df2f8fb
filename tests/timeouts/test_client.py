"""What an application imports: it gets a timeout, and the exporter hears how the call went."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from exporter.client.patience import Backoff, Breaker
from exporter.client.timed_call import error_type_of, outcome_of
from exporter.client.timeouts import TimeoutClient
from exporter.events import DurationEvent
from tests.servers import ROOT, Server, free_port, wait_until
from tests.timeouts import moonshot as stubs
from tests.timeouts.doubles import TOKEN, Estimator, Gateway, counter, served, timeouts_app
from tests.timeouts.moonshot import Moonshot

MESSAGES = [{"role": "user", "content": "a" * 5972}]


class ReadTimeout(Exception):
    """As HTTP libraries call it."""


class APITimeoutError(Exception):
    """As SDKs of providers call it."""


class ConnectTimeout(ReadTimeout):
    """One of no call."""


class GoneAway(ConnectionResetError):
    """A class that only its base tells apart."""


@pytest.fixture
def estimator() -> Estimator:
    return Estimator()


@pytest.fixture
def gateway(estimator: Estimator, provider: Moonshot) -> Iterator[Gateway]:
    with served(timeouts_app(estimator, counter(provider))) as gateway:
        yield gateway


@pytest.fixture
def client(gateway: Gateway) -> Iterator[TimeoutClient]:
    with TimeoutClient(gateway.url) as client:
        yield client


def only_event(client: TimeoutClient, gateway: Gateway) -> dict[str, Any]:
    """The one event that was recorded."""
    assert client.flush()
    assert len(gateway.events) == 1
    return gateway.events[0]


def test_a_call_is_given_the_estimate(client: TimeoutClient, estimator: Estimator) -> None:
    with client.timeout_for("kimi-k2", MESSAGES, request_type="file_based", max_tokens=64, quantile=0.95) as t:
        assert t.seconds == 150
        assert (t.estimated.source, t.estimated.confidence) == ("adaptive", 0.85)
    asked = estimator.questions[0]
    assert (asked.model, asked.request_type, asked.prompt_tokens) == ("kimi-k2", "file_based", 1500)
    assert (asked.max_tokens, asked.quantile) == (64, 0.95)


def test_its_outcome_is_recorded(client: TimeoutClient, gateway: Gateway) -> None:
    with client.timeout_for("kimi-k2", MESSAGES, max_tokens=64) as t:
        t.completed(completion_tokens=40, time_to_first_token_ms=12.5)
    event = only_event(client, gateway)
    assert 0 < event.pop("duration_ms") < 5000
    assert abs(event.pop("timestamp") - time.time()) < 5
    assert len(event.pop("event_id")) == 32
    assert event == {
        "kind": "duration",
        "model": "kimi-k2",
        "request_type": "text_only",
        "prompt_tokens": 1500,
        "max_tokens": 64,
        "estimated_timeout_s": 150.0,
        "estimate_source": "adaptive",
        "outcome": "ok",
        "completion_tokens": 40,
        "time_to_first_token_ms": 12.5,
    }


def test_the_event_is_one_that_the_exporter_takes(client: TimeoutClient, gateway: Gateway) -> None:
    with client.timeout_for("kimi-k2", MESSAGES):
        pass
    event = only_event(client, gateway)
    assert msgspec.convert(event, DurationEvent).estimated_timeout_s == 150


def test_the_exporter_counts_it(exporter_server: Callable[[dict[str, str]], Server]) -> None:
    exporter = exporter_server({})
    with TimeoutClient(exporter.url) as client, client.timeout_for("kimi-k2", prompt_tokens=10) as t:
        t.completed(completion_tokens=4)
    assert (client.transport.sent.taken, client.transport.sent.refused) == (1, 0)
    with urllib.request.urlopen(f"{exporter.url}/metrics", timeout=10) as reply:  # noqa: S310
        lines = reply.read().decode().splitlines()
    counted = [line for line in lines if line.startswith("gen_ai_client_operation_duration_seconds_count{")]
    assert [float(line.rpartition(" ")[2]) for line in counted] == [1]
    assert 'gen_ai_request_model="kimi-k2"' in counted[0]


def test_what_the_provider_billed_is_better_than_our_count(client: TimeoutClient, gateway: Gateway) -> None:
    with client.timeout_for("kimi-k2", MESSAGES) as t:
        t.completed(prompt_tokens=1388)
    assert only_event(client, gateway)["prompt_tokens"] == 1388


def test_the_callers_own_count_is_recorded(client: TimeoutClient, gateway: Gateway) -> None:
    with client.timeout_for("kimi-k2", prompt_tokens=77) as t:
        assert t.seconds == 7.7
    assert only_event(client, gateway)["prompt_tokens"] == 77


@pytest.mark.parametrize(
    ("raised", "outcome", "error_type"),
    [
        (TimeoutError, "timeout", "timeout"),
        (concurrent.futures.TimeoutError, "timeout", "timeout"),
        (asyncio.TimeoutError, "timeout", "timeout"),
        (ReadTimeout, "timeout", "timeout"),
        (APITimeoutError, "timeout", "timeout"),
        (subprocess.TimeoutExpired, "timeout", "timeout"),
        (ConnectTimeout, "error", "timeout"),
        (ValueError, "error", "ValueError"),
        (ConnectionResetError, "error", "connection_error"),
        (GoneAway, "error", "connection_error"),
    ],
)
def test_an_exception_is_recorded_and_goes_on(
    client: TimeoutClient, gateway: Gateway, raised: type[Exception], outcome: str, error_type: str
) -> None:
    error = raised("model", 3) if raised is subprocess.TimeoutExpired else raised("the provider's")
    with pytest.raises(raised) as found, client.timeout_for("kimi-k2"):
        raise error
    assert found.value is error
    event = only_event(client, gateway)
    assert (event["outcome"], event["error_type"]) == (outcome, error_type)
    assert event["error"] == f"{raised.__name__}: {error}"


def test_an_error_that_cannot_be_shown_has_a_type() -> None:
    class SilentError(Exception):
        def __str__(self) -> str:
            raise ValueError

    assert error_type_of(SilentError()) == "SilentError"


@pytest.mark.parametrize("given_up", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit])
def test_a_call_that_is_given_up_early_says_nothing_of_its_duration(given_up: type[BaseException]) -> None:
    assert outcome_of(given_up, cut_off=False) == ""
    assert outcome_of(given_up, cut_off=True) == "timeout"


def test_an_async_call_is_timed_too(client: TimeoutClient, gateway: Gateway) -> None:
    async def call() -> float:
        async with client.timeout_for("kimi-k2", MESSAGES) as t:
            await asyncio.sleep(0)
            t.completed(completion_tokens=3)
            return t.seconds

    assert asyncio.run(call()) == 150
    event = only_event(client, gateway)
    assert (event["outcome"], event["completion_tokens"]) == ("ok", 3)


def test_an_async_call_that_is_cut_off_is_a_timeout(client: TimeoutClient, gateway: Gateway) -> None:
    async def call() -> None:
        async with client.timeout_for("kimi-k2", prompt_tokens=1) as t, asyncio.timeout(t.seconds):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(call())
    event = only_event(client, gateway)
    assert event["outcome"] == "timeout"
    assert event["duration_ms"] >= event["estimated_timeout_s"] * 1000


def test_an_async_estimate_does_not_hold_up_the_loop(provider: Moonshot) -> None:
    provider.behave = stubs.silent

    async def call(client: TimeoutClient) -> int:
        turns = 0
        entering = asyncio.create_task(client.timeout_for("kimi-k2").__aenter__())
        while not entering.done():
            turns += 1
            await asyncio.sleep(0.01)
        return turns

    with TimeoutClient(provider.url, limit_s=0.3) as client:
        assert asyncio.run(call(client)) > 5


def test_a_token_goes_with_the_question(gateway: Gateway, estimator: Estimator, provider: Moonshot) -> None:
    estimator.confidence = 0.1
    with TimeoutClient(gateway.url, TOKEN) as client, client.timeout_for("kimi-k2", MESSAGES) as t:
        assert t.estimated.source == "estimate"
    assert len(provider.asked) == 1


def test_a_token_that_is_wrong_is_told_once_and_not_shown(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    client = TimeoutClient(gateway.url, "the-wrong-token")
    for _ in range(5):
        assert client.estimate({"model": "kimi-k2"}).source == "fallback"
    (told,) = (each for each in caplog.records if each.name.startswith("exporter."))  # The server has its own to say.
    assert "401" in told.getMessage()
    assert "the-wrong-token" not in caplog.text
    client.close(0.1)


def test_without_an_exporter_the_fallback_serves_and_nothing_is_raised() -> None:
    with TimeoutClient(f"http://127.0.0.1:{free_port()}", fallback_s=42) as client:
        for _ in range(5):
            with client.timeout_for("kimi-k2", MESSAGES) as t:
                assert (t.seconds, t.estimated.source) == (42, "fallback")
        client.close(0.2)
        assert client.transport.sent.dropped == 5


def test_the_last_known_timeout_is_better_than_the_fallback(estimator: Estimator, provider: Moonshot) -> None:
    with served(timeouts_app(estimator, counter(provider))) as gateway:
        client = TimeoutClient(gateway.url, fallback_s=42)
        with client.timeout_for("kimi-k2", prompt_tokens=70):
            pass
        assert client.flush()
    with client.timeout_for("kimi-k2", prompt_tokens=99) as t:
        assert (t.seconds, t.estimated.source) == (7, "fallback")
    with client.timeout_for("glm-4") as t:
        assert t.seconds == 42
    client.close(0.2)


@pytest.mark.parametrize(
    "behave",
    [
        stubs.silent,
        stubs.dripping_headers,
        stubs.dripping_body,
        stubs.endless,
        stubs.no_http,
        stubs.answering(500, b"{}"),
        stubs.answering(401, b'{"error": "the push token is missing or wrong"}'),
        stubs.answering(302, b"", {"Location": "http://127.0.0.1/"}),
        stubs.answering(200, b"<html>"),
        stubs.answering(200, b"[]"),
        stubs.answering(200, b'{"timeout": -1, "confidence": 1, "source": "a", "metadata": {"estimated_tokens": 1}}'),
        stubs.answering(200, b'{"timeout": NaN, "confidence": 1, "source": "a", "metadata": {"estimated_tokens": 1}}'),
        stubs.answering(200, b'{"timeout": 1' + b"0" * 400 + b', "confidence": 1}'),
        stubs.answering(200, b"[" * 100_000),
    ],
)
def test_an_exporter_that_is_ill_costs_no_more_than_the_limit(
    provider: Moonshot, behave: Callable[[Any], None]
) -> None:
    provider.behave = behave
    client = TimeoutClient(provider.url, fallback_s=42, limit_s=0.3)
    began = time.monotonic()
    with client.timeout_for("kimi-k2", MESSAGES) as t:
        assert t.seconds == 42
    assert time.monotonic() - began < 1
    client.close(0.1)


def test_an_exporter_that_hangs_is_not_waited_for_each_time(provider: Moonshot) -> None:
    provider.behave = stubs.silent
    client = TimeoutClient(provider.url, limit_s=0.2)
    began = time.monotonic()
    for _ in range(50):
        client.estimate({"model": "kimi-k2"})
    assert time.monotonic() - began < 2
    assert len(provider.asked) == 3
    client.close(0.1)


@pytest.mark.parametrize(
    "messages", [[{"role": "user", "content": object()}], [{"content": float("nan")}], [{"content": "a" * (3 << 20)}]]
)
def test_messages_that_cannot_be_sent_stay_at_home(client: TimeoutClient, messages: list[Any]) -> None:
    with client.timeout_for("kimi-k2", messages) as t:
        assert t.seconds == 180
        assert t.estimated.source == "adaptive"


def test_messages_as_libraries_hand_them_out_are_understood(client: TimeoutClient) -> None:
    class Message:
        def model_dump(self, *, exclude_none: bool) -> dict[str, str]:  # noqa: ARG002
            return {"role": "assistant", "content": "a" * 5972}

    with client.timeout_for("kimi-k2", [Message()]) as t:  # type: ignore[list-item]
        assert t.seconds == 150


def test_an_event_that_is_no_json_is_dropped_alone(client: TimeoutClient, gateway: Gateway) -> None:
    client.record({"kind": "duration", "model": object()})
    client.record({"kind": "duration", "model": "kimi-k2"})
    assert only_event(client, gateway)["model"] == "kimi-k2"
    assert client.transport.sent.dropped == 1


def test_an_event_may_be_made_when_it_is_pushed(client: TimeoutClient, gateway: Gateway) -> None:
    client.record_later(lambda: {"kind": "duration", "model": str(1 / 0)})
    client.record_later(lambda: {"kind": "duration", "model": "kimi-k2"})
    event = only_event(client, gateway)
    assert (event["model"], len(event["event_id"])) == ("kimi-k2", 32)
    assert client.transport.sent.dropped == 1


def test_a_connection_that_was_closed_meanwhile_is_made_anew(estimator: Estimator, provider: Moonshot) -> None:
    port = free_port()
    client = TimeoutClient(f"http://127.0.0.1:{port}")
    for seconds in (7, 8):
        with served(timeouts_app(estimator, counter(provider)), port):
            with client.timeout_for("kimi-k2", prompt_tokens=seconds * 10) as t:
                assert (t.seconds, t.estimated.source) == (seconds, "adaptive")
            assert client.flush()
    client.close()


def test_a_batch_is_pushed_again_under_its_key_until_it_is_taken(client: TimeoutClient, gateway: Gateway) -> None:
    gateway.status = 503
    client.record({"kind": "duration", "model": "kimi-k2"})
    wait_until(lambda: len(gateway.keys) >= 2, what="another try")
    gateway.status = 202
    assert only_event(client, gateway)["model"] == "kimi-k2"
    assert len(set(gateway.keys)) == 1
    assert client.transport.sent.taken == 1


def test_what_the_exporter_refuses_is_counted_and_not_pushed_again(client: TimeoutClient, gateway: Gateway) -> None:
    gateway.status = 400
    client.record({"kind": "no kind"})
    assert client.flush()
    gateway.status, gateway.answer = 202, lambda _: {"accepted": 0, "rejected": 1}
    client.record({"kind": "no kind"})
    assert client.flush()
    assert (client.transport.sent.refused, client.transport.sent.taken, len(gateway.keys)) == (2, 0, 2)


def test_events_go_in_batches(client: TimeoutClient, gateway: Gateway) -> None:
    for number in range(1200):
        client.record({"number": number})
    assert client.flush()
    assert [event["number"] for event in gateway.events] == list(range(1200))
    assert len({event["event_id"] for event in gateway.events}) == 1200
    assert len(gateway.keys) <= 5


def test_a_queue_that_is_full_drops_and_counts(provider: Moonshot) -> None:
    from exporter.client.http_peer import HttpPeer
    from exporter.client.transport import Transport

    provider.behave = stubs.silent
    transport = Transport(HttpPeer(provider.url), capacity=10, every_s=0.01)
    transport.put({"first": True})
    wait_until(lambda: provider.asked, what="the first is under way")
    for _ in range(25):
        transport.put({})
    assert transport.sent.dropped == 15
    transport.close(0.1)


def test_nothing_is_lost_at_the_end_of_a_program(gateway: Gateway) -> None:
    program = (
        "from exporter.client.timeouts import TimeoutClient\n"
        f"with TimeoutClient({gateway.url!r}).timeout_for('kimi-k2'):\n    pass\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=20)
    assert [event["model"] for event in gateway.events] == ["kimi-k2"]


def test_an_exporter_that_is_away_does_not_hold_up_the_end_of_a_program() -> None:
    program = (
        "from exporter.client.timeouts import TimeoutClient\n"
        f"with TimeoutClient('http://127.0.0.1:{free_port()}').timeout_for('kimi-k2'):\n    pass\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=10)


def fork() -> int:
    """As os.fork, without later Pythons' warning that there are threads: that is what is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def test_a_forked_child_does_not_speak_on_its_parents_connections(client: TimeoutClient) -> None:
    def answers(prompt_tokens: int) -> set[float]:
        question = {"model": "kimi-k2", "prompt_tokens": prompt_tokens}
        return {client.estimate(question).seconds for _ in range(200)}

    assert answers(70) == {7}
    child = fork()
    if child == 0:
        os._exit(0 if answers(80) == {8} else 1)
    assert answers(90) == {9}
    assert os.waitpid(child, 0)[1] == 0


def test_a_forked_child_records_its_own_calls_and_not_its_parents_again(
    client: TimeoutClient, gateway: Gateway
) -> None:
    client.record({"by": "parent"})
    with client.timeout_for("kimi-k2"):
        pass
    child = fork()
    if child == 0:
        with client.timeout_for("kimi-k2") as t:
            client.record({"by": "child"})
        os._exit(0 if client.flush(5) and t.estimated.source == "adaptive" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert client.flush()
    assert sorted(event.get("by", "a call") for event in gateway.events) == ["a call", "a call", "child", "parent"]


def test_a_client_that_is_closed_still_gives_timeouts(client: TimeoutClient, gateway: Gateway) -> None:
    client.close()
    with client.timeout_for("kimi-k2", prompt_tokens=70) as t:
        assert t.seconds == 7
    assert (client.transport.sent.dropped, gateway.events) == (1, [])


@pytest.mark.parametrize("url", ["127.0.0.1:9464", "redis://127.0.0.1", "http://", "http://user:pass@host"])
def test_a_url_that_is_none_is_told_when_the_client_is_made(url: str) -> None:
    with pytest.raises(ValueError, match="base URL"):
        TimeoutClient(url)


def test_a_breaker_lets_one_through_after_its_pause() -> None:
    now = 0.0
    breaker = Breaker(most=2, pause_s=10, clock=lambda: now)
    breaker.failed()
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    now = 10.0
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert breaker.allows()


def test_pauses_double_and_end_at_the_longest() -> None:
    backoff = Backoff(first_s=1, longest_s=8)
    for longest in (1, 2, 4, 8, 8):
        assert longest / 2 <= backoff.failed() <= longest
