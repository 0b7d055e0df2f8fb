"""Recorded calls of models, read from canonical events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from exporter.calls import Outcome, Question, provider_of
from exporter.decode import canonical
from exporter.events import DurationEvent
from exporter.timeouts.policy import normalised
from exporter.types import Clock

_AT_ONCE = 1000


class BadTrace(ValueError):
    """A line is not an event; the text names the line and the field."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a model, from `started_at` to `ended_at` (Unix seconds)."""

    question: Question
    started_at: float
    ended_at: float
    duration_s: float
    outcome: Literal["ok", "error", "timeout"]

    @property
    def learned(self) -> Outcome | None:
        """What is learned of it: nothing of one that failed, which says nothing of how long it would have taken."""
        if self.outcome == "error":
            return None
        return Outcome(self.question, self.duration_s, self.ended_at, self.outcome == "timeout")


def read(lines: Iterable[bytes], name: str, clock: Clock) -> Iterator[Call]:
    """The calls among the events of NDJSON lines.

    Raises:
        BadTrace: a line is no valid event.
    """
    numbered = enumerate(lines, 1)
    while chunk := list(islice(numbered, _AT_ONCE)):
        filled = [(number, line.strip()) for number, line in chunk if line.strip()]
        if not filled:
            continue
        decoded = canonical.decode(b"\n".join(line for _, line in filled), clock(), ndjson=True)
        for rejection in decoded.rejections:
            field = f" field {rejection.field}:" if rejection.field else ""
            raise BadTrace(f"{name}, line {filled[rejection.index][0]}:{field} {rejection.message}")
        yield from (_call(event) for event in decoded.events if isinstance(event, DurationEvent))


def _call(event: DurationEvent) -> Call:
    model = normalised(event.model)
    question = Question(
        model=model,
        request_type=event.request_type or "text_only",
        provider=event.provider or provider_of(model),
        prompt_tokens=event.prompt_tokens,
        max_tokens=event.max_tokens,
    )
    seconds = event.duration_ms / 1000.0
    return Call(question, event.timestamp - seconds, event.timestamp, seconds, event.outcome)
