"""Folds calls of models: duration, tokens, first chunk, and how their timeout did."""

from __future__ import annotations

from exporter import conventions as series
from exporter.events import DurationEvent
from exporter.fold.labels import clean
from exporter.fold.observe import observe
from exporter.fold.state import State

_PROVIDERS = (("kimi", ("kimi", "k2", "moonshot")), ("glm", ("glm", "zhipu")))
_SHORTEST_TIMEOUT_S = 0.001
_ERROR_TYPES = {"ok": "", "error": "error", "timeout": "timeout"}


def provider_of(model: str) -> str:
    """The provider that a model's name tells (spec of ConnectionMonitor.record_duration)."""
    lowered = model.lower()
    for provider, words in _PROVIDERS:
        if any(word in lowered for word in words):
            return provider
    return series.UNKNOWN


def fold_model_call(state: State, event: DurationEvent) -> None:
    """Counts one call under OpenTelemetry's GenAI names."""
    model = clean(event.model)
    call = (clean(event.operation), clean(event.provider) if event.provider else provider_of(model), model)
    seconds = event.duration_ms / 1000
    observe(state, series.OPERATION_DURATION, (*call, _ERROR_TYPES[event.outcome]), seconds)
    if event.prompt_tokens is not None:
        observe(state, series.TOKEN_USAGE, (*call, "input"), event.prompt_tokens)
    if event.completion_tokens is not None:
        observe(state, series.TOKEN_USAGE, (*call, "output"), event.completion_tokens)
    if event.time_to_first_token_ms is not None:
        observe(state, series.TIME_TO_FIRST_CHUNK, call, event.time_to_first_token_ms / 1000)
    if event.estimated_timeout_s and event.estimated_timeout_s >= _SHORTEST_TIMEOUT_S:
        _fold_timeout(state, event, model, seconds, event.estimated_timeout_s)


def _fold_timeout(state: State, event: DurationEvent, model: str, seconds: float, timeout: float) -> None:
    observe(state, series.ADAPTIVE_TIMEOUT, (model, clean(event.estimate_source)), timeout)
    observe(state, series.ESTIMATE_ACCURACY, (model,), seconds / timeout)
    outcome = "exceeded" if event.outcome == "timeout" or seconds > timeout else "within"
    state.add(series.TIMEOUT_OUTCOMES, (model, clean(event.request_type), outcome))
