"""Puts a function's whole run into a block: plain, async, and generators of both kinds to their last item."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import AbstractContextManager, aclosing
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])
Block = Callable[[], AbstractContextManager[Any]]


def around(block: Block, function: F) -> F:
    """The function with each of its runs in a block of its own."""
    if inspect.isasyncgenfunction(function):
        wrapper = _async_generator(block, function)
    elif inspect.isgeneratorfunction(function):
        wrapper = _generator(block, function)
    elif inspect.iscoroutinefunction(function):
        wrapper = _coroutine(block, function)
    else:
        wrapper = _plain(block, function)
    return cast(F, functools.wraps(function)(wrapper))


def _plain(block: Block, function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        with block():
            return function(*args, **kwargs)

    return run


def _coroutine(block: Block, function: Callable[..., Any]) -> Callable[..., Any]:
    async def run(*args: Any, **kwargs: Any) -> Any:
        with block():
            return await function(*args, **kwargs)

    return run


def _generator(block: Block, function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with block():
            return (yield from function(*args, **kwargs))

    return run


def _async_generator(block: Block, function: Callable[..., Any]) -> Callable[..., Any]:
    async def run(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        with block():
            async with aclosing(function(*args, **kwargs)) as items:
                async for item in items:
                    yield item

    return run
