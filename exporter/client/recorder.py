"""What instruments share: where their events go, and the promise that none of them disturbs the application."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)

_told: set[str] = set()


class Recorder(Protocol):
    """Who takes events, such as `exporter.client.timeouts.TimeoutClient`."""

    def record(self, event: Mapping[str, Any], /) -> None:
        """Takes a canonical event; neither waits nor raises."""


def nothing() -> None:
    """What is returned where nothing is expected."""


def harmless(otherwise: Callable[[], R]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Makes a function that raises no Exception: it returns `otherwise()` then, and a log says so the first time."""

    def guard(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except Exception:
                _tell(function.__qualname__)
                return otherwise()

        return guarded

    return guard


def _tell(name: str) -> None:
    if name not in _told:
        _told.add(name)
        log.warning("%s failed; the application goes on, and further failures are not told", name, exc_info=True)


def plain(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The mapping as JSON can hold it: what JSON does not know becomes its text; empty if it cannot be written."""
    if not given:
        return {}
    try:
        return dict(json.loads(json.dumps(dict(given), default=str, allow_nan=False)))
    except Exception:
        return {}


def error_text(error: object, longest: int = 1000) -> str | None:
    """`Type: message` of an exception, the text of anything else, None for nothing."""
    if error is None or error == "":
        return None
    try:
        text = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(error)
    except Exception:
        text = type(error).__name__
    return text[:longest]
