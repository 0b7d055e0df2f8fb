"""One call of a model: the timeout it is given, and how it went."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from exporter.calls import ERROR_TYPES, failure_type
from exporter.client.plain_data import error_text, text

_UNSTARTED = ("Connect", "Pool")
_TIMED_OUT = ("Timeout", "TimedOut")


@dataclass(frozen=True, slots=True)
class Estimated:
    """What a call is given: `source` is as the exporter says it, or `fallback` where the exporter did not answer."""

    seconds: float
    confidence: float = 0.0
    source: str = "fallback"
    estimated_tokens: int | None = None


class Exporter(Protocol):
    """Who is asked before the call, and told after it."""

    def estimate(self, question: Mapping[str, Any]) -> Estimated:
        """The timeout for such a call; raises nothing."""

    def record(self, event: Mapping[str, Any]) -> None:
        """Takes the call's event; raises nothing."""


@dataclass(slots=True)
class TimedCall:
    """One call of a model, timed from where its block begins to where it ends."""

    exporter: Exporter
    question: dict[str, Any]
    estimated: Estimated = field(init=False)
    _began: float = field(default=0.0, init=False)
    _learned: dict[str, Any] = field(default_factory=dict, init=False)

    @property
    def seconds(self) -> float:
        """The timeout."""
        return self.estimated.seconds

    @property
    def has_finished(self) -> bool:
        """Whether the model has said why it stopped."""
        return "finish_reason" in self._learned

    def completed(
        self,
        *,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
        time_to_first_token_ms: float | None = None,
    ) -> None:
        """Adds what the answer told."""
        self.told(
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            time_to_first_token_ms=time_to_first_token_ms,
        )

    def told(self, **fields: Any) -> None:
        """Adds fields of a `duration` event; one that is None is left out."""
        self._learned.update({key: value for key, value in fields.items() if value is not None})

    def __enter__(self) -> Self:
        self.estimated = self.exporter.estimate(self.question)
        self._began = time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        lasted_s = time.perf_counter() - self._began
        outcome = outcome_of(kind, cut_off=lasted_s >= self.seconds)
        if error is not None:
            self.told(error=error_text(error), error_type=error_type_of(error))
        if outcome:
            self.exporter.record(self._event(lasted_s, outcome))

    async def __aenter__(self) -> Self:
        import asyncio  # Who awaits this has it; for others it would be half the time that importing us takes.

        await asyncio.to_thread(self.__enter__)
        self._began = time.perf_counter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _event(self, lasted_s: float, outcome: str) -> dict[str, Any]:
        known = {key: self.question.get(key) for key in ("model", "request_type", "prompt_tokens", "max_tokens")}
        if known["prompt_tokens"] is None:
            known["prompt_tokens"] = self.estimated.estimated_tokens
        event = {
            "kind": "duration",
            **known,
            "duration_ms": max(lasted_s * 1000, 0.001),
            "timestamp": time.time(),
            "estimated_timeout_s": self.estimated.seconds,
            "estimate_source": self.estimated.source,
            "outcome": outcome,
            **self._learned,
        }
        return {key: value for key, value in event.items() if value is not None}


def error_type_of(error: BaseException) -> str:
    """Return the error type of a call that raised this: that of its text or class, else that of a base class."""
    message = text(error)
    found = failure_type(message, type(error).__name__)
    by_base = (failure_type(None, base.__name__) for base in type(error).__mro__[1:])
    return found if found in ERROR_TYPES else next((each for each in by_base if each in ERROR_TYPES), found)


def outcome_of(kind: type[BaseException] | None, *, cut_off: bool) -> str:
    """ok, error or timeout; empty for a call that was given up before its time, which tells nothing of its duration.

    Libraries have timeouts of their own that are no TimeoutError, so they are known by name. One that came
    before the call was made (connecting, waiting for a connection) is an error.
    """
    if kind is None:
        return "ok"
    if not issubclass(kind, Exception):
        return "timeout" if cut_off else ""
    if kind.__name__.startswith(_UNSTARTED):
        return "error"
    names = (base.__name__ for base in kind.__mro__)
    return "timeout" if any(word in name for name in names for word in _TIMED_OUT) else "error"
