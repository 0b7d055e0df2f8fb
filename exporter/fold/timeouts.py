"""Scores the timeout of each model call, and lets the learner learn from it.

A call whose timeout is not told is scored against the one that it would have been given (`source="shadow"`).
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from exporter import conventions as series
from exporter.calls import Estimate, Learner, Outcome, Question, provider_of, request_type_of
from exporter.events import DurationEvent
from exporter.fold.gauges import set_reading
from exporter.fold.labels import clean
from exporter.fold.observe import observe
from exporter.fold.state import State

SHADOW = "shadow"
_SHORTEST_TIMEOUT_S = 0.001
_OUTCOMES = ("within", "exceeded")


class Timeout(NamedTuple):
    """The timeout that a call is scored against, and where it comes from."""

    seconds: float
    source: str


def fold_timeout(state: State, learner: Learner | None, event: DurationEvent, received: float) -> Timeout | None:
    """Counts how the call's timeout did, its own or ours, and learns the call; returns the timeout."""
    # A call that failed early says nothing about how long it would have taken.
    outcome = _outcome(event)
    estimate = learner.learn(outcome) if learner and event.outcome != "error" else None
    if estimate is not None:
        _show(state, estimate, event.timestamp, received)
    model = clean(learner.name_of(outcome.question) if learner else event.model)
    timeout = _timeout(event, estimate)
    if timeout is not None:
        _score(state, event, model, timeout)
    return timeout


def with_timeout(event: DurationEvent, timeout: Timeout) -> DurationEvent:
    """Return a copy of the call that names the timeout."""
    return msgspec.structs.replace(event, estimated_timeout_s=timeout.seconds, estimate_source=timeout.source)


def _timeout(event: DurationEvent, estimate: Estimate | None) -> Timeout | None:
    if event.estimated_timeout_s and event.estimated_timeout_s >= _SHORTEST_TIMEOUT_S:
        return Timeout(event.estimated_timeout_s, clean(event.estimate_source))
    return None if estimate is None else Timeout(estimate.timeout_s, SHADOW)


def _outcome(event: DurationEvent) -> Outcome:
    question = Question(
        model=event.model,
        request_type=request_type_of(event.request_type),
        provider=event.provider or provider_of(event.model),
        prompt_tokens=event.prompt_tokens or None,
        max_tokens=event.max_tokens,
    )
    return Outcome(question, event.duration_ms / 1000, event.timestamp, cut_off=event.outcome == "timeout")


def _score(state: State, event: DurationEvent, model: str, timeout: Timeout) -> None:
    timeout_s, source = timeout
    seconds = event.duration_ms / 1000
    observe(state, series.ADAPTIVE_TIMEOUT, (model, source), timeout_s)
    cut_off = event.outcome == "timeout"
    if event.outcome == "error" or (cut_off and source == SHADOW and seconds <= timeout_s):
        # It failed, or somebody else cut it off before we would have: nobody knows how it would have ended.
        return
    observe(state, series.ESTIMATE_ACCURACY, (model,), seconds / timeout_s)
    outcome = "exceeded" if cut_off or seconds > timeout_s else "within"
    request_type = clean(request_type_of(event.request_type))
    # Both series from the first call on: PromQL does not see the increase that brings a series forth.
    for each in _OUTCOMES:
        state.add(series.TIMEOUT_OUTCOMES, (model, request_type, each), int(each == outcome))


def _show(state: State, estimate: Estimate, timestamp: float, received: float) -> None:
    labels = (clean(estimate.model), clean(estimate.request_type))
    levels = (
        (series.TIMEOUT_SECONDS, estimate.timeout_s),
        (series.TIMEOUT_CONFIDENCE, estimate.confidence),
        (series.TIMEOUT_SAMPLES, float(estimate.samples)),
    )
    for family, value in levels:
        set_reading(state, family, labels, "", (timestamp, received, value))
