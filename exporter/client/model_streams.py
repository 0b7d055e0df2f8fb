"""Replies that come piece by piece, timed to their last."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from types import TracebackType
from typing import Any, Self

from exporter.client.model_replies import Asked, first_choice, has_token, learn
from exporter.client.recorder import harmless, nothing
from exporter.client.timed_call import TimedCall

Ended = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
_WELL: Ended = (None, None, None)


class _Stream:
    """What both kinds of streams share; whatever else is asked of one, the original answers."""

    def __init__(self, stream: Any, timed: TimedCall, asked: Asked, began: float) -> None:
        self._stream, self._timed, self._asked, self._began = stream, timed, asked, began
        self._waits_for_token = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @harmless(nothing)
    def _look_at(self, chunk: Any) -> None:
        if self._waits_for_token and has_token(chunk):
            self._waits_for_token = False
            self._timed.completed(time_to_first_token_ms=(time.perf_counter() - self._began) * 1000)
        learn(self._timed, chunk)

    def _is_hidden(self, chunk: Any) -> bool:
        """Whether the caller did not ask for this piece: we did."""
        return self._asked.hides_usage and first_choice(chunk) is None

    def _given_up(self) -> Ended:
        """How a stream ended that was closed before its end: well, where the model had said that it was done."""
        return _WELL if self._timed.has_finished else (GeneratorExit, GeneratorExit(), None)


class MeasuredStream(_Stream):
    """A synchronous stream."""

    def __init__(self, stream: Any, timed: TimedCall, asked: Asked, began: float, block: ExitStack) -> None:
        super().__init__(stream, timed, asked, began)
        self._block = block
        self._pieces = iter(stream)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        while True:
            try:
                chunk = next(self._pieces)
            except StopIteration:
                self._end(_WELL)
                raise
            except BaseException as error:
                self._end((type(error), error, error.__traceback__))
                raise
            self._look_at(chunk)
            if not self._is_hidden(chunk):
                return chunk

    def close(self) -> None:
        """Hangs up."""
        self._end(self._given_up())
        if hasattr(self._stream, "close"):
            self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @harmless(nothing)
    def _end(self, how: Ended) -> None:
        self._block.pop_all().__exit__(*how)


class AsyncMeasuredStream(_Stream):
    """An asynchronous stream."""

    def __init__(self, stream: Any, timed: TimedCall, asked: Asked, began: float, block: AsyncExitStack) -> None:
        super().__init__(stream, timed, asked, began)
        self._block = block
        self._pieces = aiter(stream)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        while True:
            try:
                chunk = await anext(self._pieces)
            except StopAsyncIteration:
                await self._end(_WELL)
                raise
            except BaseException as error:
                await self._end((type(error), error, error.__traceback__))
                raise
            self._look_at(chunk)
            if not self._is_hidden(chunk):
                return chunk

    async def close(self) -> None:
        """Hangs up."""
        await self._end(self._given_up())
        if hasattr(self._stream, "close"):
            await self._stream.close()

    async def aclose(self) -> None:
        """The same, as generators call it."""
        await self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _end(self, how: Ended) -> None:
        await self._block.pop_all().__aexit__(*how)
