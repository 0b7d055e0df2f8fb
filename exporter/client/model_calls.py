"""Calls of models through an OpenAI-compatible client: timed, told to the exporter, and given the adaptive timeout.

    calls = ModelCalls(TimeoutClient("http://127.0.0.1:9464"))
    create = calls.wrap(OpenAI().chat.completions.create)
    reply = create(model="kimi-k2", messages=messages, tool_name="chat")

The client is known by its manners alone, so any that calls and answers as OpenAI's does will do.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from typing import Any, Protocol

from exporter.client.model_replies import Asked, learn
from exporter.client.model_streams import AsyncMeasuredStream, MeasuredStream
from exporter.client.timed_call import TimedCall

Create = Callable[..., Any]


class Timeouts(Protocol):
    """Who gives a call its timeout: `exporter.client.timeouts.TimeoutClient`."""

    def timeout_for(
        self, model: str, messages: Any = ..., *, request_type: str = ..., max_tokens: int | None = ...
    ) -> TimedCall:
        """The call that a block makes."""


class ModelCalls:
    """Wraps the functions that call models.

    A wrapped function takes what the original takes, and besides `tool_name`, `thinking_mode`, `request_type`,
    `provider` and `operation`, for the event alone. A `timeout` that the caller gives is left as it is. With
    `usage_in_streams`, streams are asked for their tokens (`stream_options`), and the chunk that tells them is
    kept from a caller that has not asked for it.
    """

    def __init__(self, timeouts: Timeouts, *, usage_in_streams: bool = False) -> None:
        self._timeouts, self._usage_in_streams = timeouts, usage_in_streams

    def wrap(self, create: Create, **known: Any) -> Create:
        """The function of a synchronous client; `known` holds for each of its calls."""

        @functools.wraps(create)
        def call(*args: Any, **kwargs: Any) -> Any:
            asked = Asked.of({**known, **kwargs}, self._usage_in_streams)
            with ExitStack() as stack:
                timed = stack.enter_context(self._timed(asked))
                began = time.perf_counter()
                reply = create(*args, **asked.with_timeout(timed.seconds))
                if asked.streams and hasattr(reply, "__iter__"):
                    return MeasuredStream(reply, timed, asked, began, stack.pop_all())
                learn(timed, reply)
                return reply

        return call

    def wrap_async(self, create: Create, **known: Any) -> Callable[..., Awaitable[Any]]:
        """The function of an asynchronous client."""

        @functools.wraps(create)
        async def call(*args: Any, **kwargs: Any) -> Any:
            asked = Asked.of({**known, **kwargs}, self._usage_in_streams)
            async with AsyncExitStack() as stack:
                timed = await stack.enter_async_context(self._timed(asked))
                began = time.perf_counter()
                reply = await create(*args, **asked.with_timeout(timed.seconds))
                if asked.streams and hasattr(reply, "__aiter__"):
                    return AsyncMeasuredStream(reply, timed, asked, began, stack.pop_all())
                learn(timed, reply)
                return reply

        return call

    def _timed(self, asked: Asked) -> TimedCall:
        timed = self._timeouts.timeout_for(
            asked.model, asked.messages, request_type=asked.request_type, max_tokens=asked.max_tokens
        )
        asked.tell(timed)
        return timed
