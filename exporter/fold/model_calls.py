"""Folds calls of models: duration, tokens, first chunk."""

from __future__ import annotations

from exporter import conventions as series
from exporter.calls import provider_of
from exporter.events import DurationEvent
from exporter.fold.labels import clean
from exporter.fold.observe import observe
from exporter.fold.state import State

_ERROR_TYPES = {"ok": "", "error": "error", "timeout": "timeout"}


def fold_model_call(state: State, event: DurationEvent) -> None:
    """Counts one call under OpenTelemetry's GenAI names."""
    model = clean(event.model)
    call = (clean(event.operation), clean(event.provider) if event.provider else provider_of(model), model)
    observe(state, series.OPERATION_DURATION, (*call, _ERROR_TYPES[event.outcome]), event.duration_ms / 1000)
    if event.prompt_tokens is not None:
        observe(state, series.TOKEN_USAGE, (*call, "input"), event.prompt_tokens)
    if event.completion_tokens is not None:
        observe(state, series.TOKEN_USAGE, (*call, "output"), event.completion_tokens)
    if event.time_to_first_token_ms is not None:
        observe(state, series.TIME_TO_FIRST_CHUNK, call, event.time_to_first_token_ms / 1000)
