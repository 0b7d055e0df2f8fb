"""What instruments share: where their events go, and the promise that none of them disturbs the application."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
Other = TypeVar("Other")

log = logging.getLogger(__name__)

_told: set[str] = set()


class Recorder(Protocol):
    """Who takes events, such as `exporter.client.timeouts.TimeoutClient`."""

    def record(self, event: Mapping[str, Any], /) -> None:
        """Takes a canonical event; neither waits nor raises."""


def record_later(recorder: Recorder) -> Callable[[Callable[[], Mapping[str, Any]]], None]:
    """How a recorder takes an event that is made only when it is sent; where it knows no such thing, it is made now."""
    return getattr(recorder, "record_later", None) or (lambda make: recorder.record(make()))


def nothing() -> None:
    """What is returned where nothing is expected."""


def harmless(otherwise: Callable[[], Other]) -> Callable[[Callable[P, R]], Callable[P, R | Other]]:
    """Makes a function that raises no Exception: it returns `otherwise()` then, and a log says so the first time."""

    def guard(function: Callable[P, R]) -> Callable[P, R | Other]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Other:
            try:
                return function(*args, **kwargs)
            except Exception:
                tell_once(function.__qualname__)
                return otherwise()

        return guarded

    return guard


def tell_once(name: str) -> None:
    """Logs the exception that is being handled, the first time that it is of this name."""
    if name not in _told:
        _told.add(name)
        log.warning("%s failed; the application goes on, and further failures are not told", name, exc_info=True)
