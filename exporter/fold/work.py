"""Work on the state that others ask the fold's thread for."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Work = Generator[None, None, T]
"""Yields after each slice, so that a batch may be folded in between."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What work on the state returned, and a future that ends when all that it saw is on disk."""

    value: T
    saved: Future[None]


@dataclass(frozen=True, slots=True)
class Job:
    """Work under way, and the future that its asker waits for."""

    work: Work[Any]
    result: Future[Answer[Any]]


def done() -> Future[None]:
    """A future that has ended."""
    future: Future[None] = Future()
    future.set_result(None)
    return future
