"""Recorded calls of models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from exporter.calls import Outcome, Question, normalised, provider_of
from exporter.events import DurationEvent, Event


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


def calls(events: Iterable[Event]) -> Iterator[Call]:
    """Yield the calls among the events: of a model that has calls of both forms, those that are not derived."""
    found = [event for event in events if isinstance(event, DurationEvent)]
    explicit = {normalised(event.model) for event in found if not event.derived}
    return (_call(event) for event in found if not event.derived or normalised(event.model) not in explicit)


def _call(event: DurationEvent) -> Call:
    model = normalised(event.model)
    question = Question(
        model=model,
        request_type=event.request_type or "text_only",
        provider=event.provider or provider_of(model),
        prompt_tokens=event.prompt_tokens or None,
        max_tokens=event.max_tokens,
    )
    seconds = event.duration_ms / 1000.0
    return Call(question, event.timestamp - seconds, event.timestamp, seconds, event.outcome)
