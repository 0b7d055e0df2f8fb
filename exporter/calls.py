"""Calls of models as the timeouts see them: what is asked before one, what is learned after. Standard library only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, Protocol

EstimateSource = Literal["adaptive", "static", "emergency", "estimate", "fallback"]
"""Where a timeout comes from: learned; the defaults; an operator's override; learned, with prompt tokens counted by
the provider; learned or static, with prompt tokens guessed here because the provider could not be asked."""

_PROVIDERS = (("kimi", ("kimi", "k2", "moonshot")), ("glm", ("glm", "zhipu")))
UNKNOWN_PROVIDER = "unknown"
USUAL_REQUEST_TYPE = "text_only"
_SAME_REQUEST_TYPES = {"": USUAL_REQUEST_TYPE, "text": USUAL_REQUEST_TYPE}
"""What callers of the estimate say, and what the recorded durations call it."""
_MONTH, _DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_DATE = re.compile(rf"[-_@](?:20\d\d-?{_MONTH}(?:-?{_DAY})?|{_MONTH}-20\d\d|(?:2\d)?{_MONTH}{_DAY})(?=$|[-_:@])")
"""2024-08-06, 20240806, 2024-08, 08-2024, 240806, 0806; a context length such as 8192 is none."""


def normalised(model: str) -> str:
    """The model's name in lower case, without the date of its release: `Kimi-K2-0905-preview` → `kimi-k2-preview`."""
    return _DATE.sub("", model.strip().lower()) or model


def provider_of(model: str) -> str:
    """The provider that a model's name tells (as the gateway's ConnectionMonitor.record_duration reads it)."""
    lowered = model.lower()
    for provider, words in _PROVIDERS:
        if any(word in lowered for word in words):
            return provider
    return UNKNOWN_PROVIDER


def request_type_of(told: str | None) -> str:
    """The one name of a request type; `text_only` where none is told."""
    return _SAME_REQUEST_TYPES.get(told or "", told or "")


@dataclass(frozen=True, slots=True)
class Question:
    """What is known of a call before it is made; `quantile` replaces the model's target."""

    model: str
    request_type: str = USUAL_REQUEST_TYPE
    provider: str = ""
    prompt_tokens: int | None = None
    max_tokens: int | None = None
    quantile: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A call that has ended at `ended_at` (Unix seconds) after `duration_s`.

    One that was `cut_off` would have lasted longer: it is censored, not a sample of that duration.
    """

    question: Question
    duration_s: float
    ended_at: float
    cut_off: bool = False


@dataclass(frozen=True, slots=True)
class Estimate:
    """A timeout and how far it can be trusted.

    `interval` holds the seconds between which 80 % of such calls end (10th and 90th percentile),
    `coverage` is the share of the last calls that ended within the timeout they would have been given,
    None before there was one; `confidence` is 0…1.
    """

    timeout_s: float
    confidence: float
    source: EstimateSource
    expected_duration_s: float
    interval: tuple[float, float]
    coverage: float | None
    samples: int
    model: str
    request_type: str
    provider: str


class Learner(Protocol):
    """What the fold feeds with every call of a model."""

    def learn(self, outcome: Outcome) -> Estimate:
        """Learns from the call; returns what it would have been given before."""

    def take_unsaved(self) -> dict[str, bytes]:
        """The states that have changed since the last call, by name, as they are to be saved."""

    def restore(self, name: str, saved: bytes) -> None:
        """Takes a saved state back."""
