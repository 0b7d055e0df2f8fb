"""Calls of models through OpenAI's own client, against a server that answers as its does."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import httpx
import openai
import pytest

from exporter.client.model_calls import ModelCalls
from exporter.client.request_tracer import RequestTracer
from exporter.client.timed_call import Estimated, TimedCall
from exporter.client.timeouts import TimeoutClient
from tests.client.doubles import Memory
from tests.client.openai_stub import Provider, openai_stub
from tests.servers import free_port

MESSAGES: Any = [{"role": "user", "content": "hello"}]


@dataclass
class Timeouts:
    """Gives every call so many seconds, and keeps its event."""

    memory: Memory
    seconds: float = 41.5

    def timeout_for(self, model: str, messages: Any = None, **known: Any) -> TimedCall:
        """The call that a block makes."""
        question = {"model": model, "messages": messages, **known}
        return TimedCall(self, {key: value for key, value in question.items() if value is not None})

    def estimate(self, _: Any) -> Estimated:
        """The timeout."""
        return Estimated(self.seconds, 0.9, "adaptive")

    def record(self, event: Any) -> None:
        """Keeps the event."""
        self.memory.record(event)


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def calls(memory: Memory) -> ModelCalls:
    return ModelCalls(Timeouts(memory))


@pytest.fixture
def provider() -> Iterator[Provider]:
    with openai_stub() as stub:
        yield stub


@pytest.fixture
def client(provider: Provider) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=provider.url, api_key="no key", max_retries=0) as client:
        yield client


def asynchronous(provider: Provider) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=provider.url, api_key="no key", max_retries=0)


def told(event: dict[str, Any], *fields: str) -> tuple[Any, ...]:
    return tuple(event.get(field) for field in fields)


class TestWholeReplies:
    def test_a_call_is_recorded(self, calls: ModelCalls, client: openai.OpenAI, memory: Memory) -> None:
        create = calls.wrap(client.chat.completions.create, provider="kimi")
        reply = create(
            model="kimi-k2",
            messages=MESSAGES,
            max_tokens=64,
            reasoning_effort="low",
            tool_name="chat",
            request_type="file_based",
        )
        assert reply.choices[0].message.content == "hello"
        event = memory.only()
        assert 0 < event.pop("duration_ms") < 10_000
        assert event.pop("timestamp") > 1.7e9
        assert event == {
            "kind": "duration",
            "model": "kimi-k2",
            "provider": "kimi",
            "operation": "chat",
            "request_type": "file_based",
            "prompt_tokens": 12,
            "completion_tokens": 34,
            "max_tokens": 64,
            "estimated_timeout_s": 41.5,
            "estimate_source": "adaptive",
            "outcome": "ok",
            "request_id": "chatcmpl-1",
            "tool_name": "chat",
            "thinking_mode": "low",
            "finish_reason": "stop",
        }

    def test_the_adaptive_timeout_is_the_clients(self, calls: ModelCalls, provider: Provider, memory: Memory) -> None:
        limits = []

        def look(request: Any) -> None:
            limits.append(request.extensions["timeout"]["read"])

        with openai.OpenAI(base_url=provider.url, api_key="no key", http_client=None) as client:
            client._client.event_hooks = {"request": [look], "response": []}
            create = calls.wrap(client.chat.completions.create)
            create(model="kimi-k2", messages=MESSAGES)
            create(model="kimi-k2", messages=MESSAGES, timeout=7)
        assert limits == [41.5, 7]
        assert len(memory.taken()) == 2

    def test_what_is_ours_is_not_sent(self, calls: ModelCalls, client: openai.OpenAI, provider: Provider) -> None:
        create = calls.wrap(client.chat.completions.create)
        create(model="kimi-k2", messages=MESSAGES, tool_name="chat", thinking_mode="high")
        assert provider.asked == [{"model": "kimi-k2", "messages": MESSAGES}]

    def test_a_timeout_is_one_and_goes_on(self, provider: Provider, client: openai.OpenAI, memory: Memory) -> None:
        gate = threading.Event()
        provider.before_answer = lambda: gate.wait(10)
        create = ModelCalls(Timeouts(memory, seconds=0.2)).wrap(client.chat.completions.create)
        with pytest.raises(openai.APITimeoutError):
            create(model="kimi-k2", messages=MESSAGES)
        gate.set()
        event = memory.only()
        assert event["outcome"] == "timeout"
        assert 200 <= event["duration_ms"] < 5000

    def test_an_error_is_one_and_goes_on(
        self, calls: ModelCalls, provider: Provider, client: openai.OpenAI, memory: Memory
    ) -> None:
        provider.status = 429
        with pytest.raises(openai.RateLimitError):
            calls.wrap(client.chat.completions.create)(model="kimi-k2", messages=MESSAGES)
        event = memory.only()
        assert told(event, "outcome", "error_type", "completion_tokens") == ("error", "rate_limited", None)
        assert event["error"].startswith("RateLimitError: Error code: 429")

    def test_the_running_trace_names_the_tool(self, calls: ModelCalls, client: openai.OpenAI, memory: Memory) -> None:
        create = calls.wrap(client.chat.completions.create)
        with RequestTracer(Memory()).trace("analyze") as trace:
            create(model="kimi-k2", messages=MESSAGES)
        event = memory.only()
        assert event["tool_name"] == "analyze"
        assert told(event, "trace_id", "finish_reason") == (trace["trace_id"], "stop")

    @pytest.mark.parametrize(
        ("known", "model", "given", "expected"),
        [
            ({"provider": "moonshot"}, "kimi-k2", None, "moonshot"),
            ({}, "glm-4.6", None, "glm"),
            ({}, "gpt-5", None, None),
            ({"provider": "moonshot"}, "kimi-k2", "router", "router"),
        ],
    )
    def test_the_running_trace_is_told_the_provider(
        self,
        calls: ModelCalls,
        client: openai.OpenAI,
        known: dict[str, str],
        model: str,
        given: str | None,
        expected: str | None,
    ) -> None:
        traces = Memory()
        create = calls.wrap(client.chat.completions.create, **known)
        with RequestTracer(traces).trace("analyze", provider=given):
            create(model=model, messages=MESSAGES)
        assert traces.only().get("provider") == expected

    @pytest.mark.parametrize("extra", [{"extra_body": {"thinking": {"type": "enabled"}}}, {"thinking_mode": "enabled"}])
    def test_the_thinking_mode_is_read_as_providers_are_asked_for_it(
        self, calls: ModelCalls, client: openai.OpenAI, memory: Memory, extra: dict[str, Any]
    ) -> None:
        calls.wrap(client.chat.completions.create)(model="glm-4.6", messages=MESSAGES, **extra)
        assert memory.only()["thinking_mode"] == "enabled"

    def test_an_async_call_is_recorded(self, calls: ModelCalls, provider: Provider, memory: Memory) -> None:
        async def call() -> Any:
            async with asynchronous(provider) as client:
                create = calls.wrap_async(client.chat.completions.create)
                return await create(model="kimi-k2", messages=MESSAGES)

        assert asyncio.run(call()).choices[0].message.content == "hello"
        assert told(memory.only(), "completion_tokens", "outcome", "operation") == (34, "ok", "chat")


class TestStreams:
    def test_a_stream_is_timed_to_its_end(self, calls: ModelCalls, client: openai.OpenAI, memory: Memory) -> None:
        create = calls.wrap(client.chat.completions.create)
        found = []
        for chunk in create(model="kimi-k2", messages=MESSAGES, stream=True):
            assert memory.events == []
            found.append(chunk.choices[0].delta.content)
        assert found == ["", "hello", None]
        event = memory.only()
        assert 0 < event["time_to_first_token_ms"] <= event["duration_ms"]
        assert told(event, "operation", "outcome", "completion_tokens") == ("chat_stream", "ok", None)
        assert event["finish_reason"] == "stop"

    def test_its_tokens_are_read_where_they_are_asked_for(
        self, calls: ModelCalls, client: openai.OpenAI, memory: Memory
    ) -> None:
        create = calls.wrap(client.chat.completions.create)
        options: Any = {"include_usage": True}
        assert len(list(create(model="kimi-k2", messages=MESSAGES, stream=True, stream_options=options))) == 4
        assert told(memory.only(), "prompt_tokens", "completion_tokens") == (12, 34)

    def test_they_may_be_asked_for_behind_the_callers_back(self, client: openai.OpenAI, memory: Memory) -> None:
        create = ModelCalls(Timeouts(memory), usage_in_streams=True).wrap(client.chat.completions.create)
        chunks = list(create(model="kimi-k2", messages=MESSAGES, stream=True))
        assert [len(chunk.choices) for chunk in chunks] == [1, 1, 1]
        create(model="kimi-k2", messages=MESSAGES)
        assert [told(event, "completion_tokens") for event in memory.taken()] == [(34,), (34,)]

    def test_a_stream_is_still_the_clients_own(self, calls: ModelCalls, client: openai.OpenAI, memory: Memory) -> None:
        with calls.wrap(client.chat.completions.create)(model="kimi-k2", messages=MESSAGES, stream=True) as stream:
            assert stream.response.status_code == 200
            assert next(stream).id == "chatcmpl-1"
            list(stream)
        assert len(memory.taken()) == 1
        assert stream.response.is_closed

    def test_a_stream_that_its_reader_leaves_tells_nothing(self, calls: ModelCalls, memory: Memory) -> None:
        stream = calls.wrap(lambda **_: iter([{"choices": [{"delta": {"content": "a"}}]}]))(model="m", stream=True)
        next(stream)
        stream.close()
        assert memory.events == []

    def test_a_stream_that_breaks_is_an_error(self, calls: ModelCalls, memory: Memory) -> None:
        def breaking(**_: Any) -> Iterator[Any]:
            yield {"choices": [{"delta": {"content": "a"}}]}
            raise httpx.ReadTimeout("no more")

        with pytest.raises(httpx.ReadTimeout):
            list(calls.wrap(breaking)(model="kimi-k2", stream=True))
        assert memory.only()["outcome"] == "timeout"

    def test_an_async_stream_is_timed_to_its_end(self, calls: ModelCalls, provider: Provider, memory: Memory) -> None:
        async def call() -> int:
            async with asynchronous(provider) as client:
                create = calls.wrap_async(client.chat.completions.create)
                async with await create(model="kimi-k2", messages=MESSAGES, stream=True) as stream:
                    return len([chunk async for chunk in stream])

        assert asyncio.run(call()) == 3
        event = memory.only()
        assert told(event, "operation", "outcome") == ("chat_stream", "ok")
        assert 0 < event["time_to_first_token_ms"] <= event["duration_ms"]

    def test_an_async_stream_that_is_cancelled_goes_on_so(self, calls: ModelCalls, memory: Memory) -> None:
        async def endless(**_: Any) -> AsyncIterator[Any]:
            async def pieces() -> AsyncIterator[Any]:
                yield {"choices": []}
                await asyncio.Event().wait()

            return pieces()

        async def call() -> None:
            async with asyncio.timeout(0.05):
                async for _ in await calls.wrap_async(endless)(model="kimi-k2", stream=True):
                    pass

        with pytest.raises(TimeoutError):
            asyncio.run(call())
        assert memory.events == []

    @pytest.mark.parametrize("place", ["chunk", "choice"])
    def test_usage_is_found_where_providers_put_it(self, calls: ModelCalls, memory: Memory, place: str) -> None:
        usage = SimpleNamespace(prompt_tokens=1, completion_tokens=2)
        choice = SimpleNamespace(delta=None, finish_reason="length", usage=usage if place == "choice" else None)
        chunk = SimpleNamespace(choices=[choice], usage=usage if place == "chunk" else None, id=None)
        list(calls.wrap(lambda **_: [chunk])(model="kimi-k2", stream=True))
        assert told(memory.only(), "prompt_tokens", "completion_tokens") == (1, 2)

    @pytest.mark.parametrize(
        "placed", [{"cached_tokens": 4}, {"prompt_tokens_details": {"cached_tokens": 4}}], ids=["moonshot", "openai"]
    )
    def test_cached_input_and_reasoning_are_told(
        self, calls: ModelCalls, memory: Memory, placed: dict[str, Any]
    ) -> None:
        usage = {
            "prompt_tokens": 9,
            "completion_tokens": 5,
            **placed,
            "completion_tokens_details": {"reasoning_tokens": 3},
        }
        calls.wrap(lambda **_: {"choices": [], "usage": usage})(model="kimi-k2", messages=[])
        assert told(memory.only(), "cached_input_tokens", "reasoning_tokens") == (4, 3)


class TestHarm:
    @pytest.mark.parametrize("reply", [None, 7, [], {"choices": 3}, {"usage": "lots"}, {"choices": [None]}, object()])
    @pytest.mark.parametrize("stream", [True, False])
    def test_replies_of_any_kind_are_handed_on(
        self, calls: ModelCalls, memory: Memory, reply: Any, stream: bool
    ) -> None:
        given = calls.wrap(lambda **_: reply)(model="kimi-k2", stream=stream)
        if given is not reply:
            assert list(given) == list(reply)
        assert len(memory.taken()) == 1

    @pytest.mark.parametrize("odd", [None, 7, object(), b"x"])
    def test_arguments_of_any_kind_are_handed_on(self, calls: ModelCalls, memory: Memory, odd: Any) -> None:
        names = ("model", "messages", "max_tokens", "stream", "stream_options", "extra_body", "reasoning_effort")
        received = calls.wrap(lambda **given: given)(**dict.fromkeys(names, odd))
        assert received == {**dict.fromkeys(names, odd), "timeout": 41.5}
        assert len(memory.events) == 1

    def test_without_an_exporter_the_fallback_is_applied(self, client: openai.OpenAI, provider: Provider) -> None:
        with no_exporter() as timeouts:
            create = ModelCalls(timeouts).wrap(client.chat.completions.create)
            assert create(model="kimi-k2", messages=MESSAGES).id == "chatcmpl-1"
            timeouts.close(0.1)
        assert len(provider.asked) == 1

    def test_a_name_and_a_text_stay_the_originals(self, calls: ModelCalls) -> None:
        def create(**_: Any) -> None:
            """Creates."""

        assert calls.wrap(create).__doc__ == "Creates."
        assert os.path.basename(__file__).startswith(calls.wrap_async(create).__module__.rpartition(".")[2])


@contextmanager
def no_exporter() -> Iterator[TimeoutClient]:
    with TimeoutClient(f"http://127.0.0.1:{free_port()}", fallback_s=42) as timeouts:
        yield timeouts
