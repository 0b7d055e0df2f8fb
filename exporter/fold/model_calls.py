"""Folds calls of models: duration, tokens, first chunk."""

from __future__ import annotations

from exporter import conventions as series
from exporter.events import DurationEvent
from exporter.fold.observe import observe
from exporter.fold.series_labels import call_labels
from exporter.fold.state import State


def fold_model_call(state: State, event: DurationEvent) -> None:
    """Counts one call under OpenTelemetry's GenAI names."""
    labels = call_labels(event)
    call = labels[:3]
    observe(state, series.OPERATION_DURATION, labels, event.duration_ms / 1000)
    if event.prompt_tokens is not None:
        observe(state, series.TOKEN_USAGE, (*call, "input"), event.prompt_tokens)
    if event.completion_tokens is not None:
        observe(state, series.TOKEN_USAGE, (*call, "output"), event.completion_tokens)
    if event.time_to_first_token_ms is not None:
        observe(state, series.TIME_TO_FIRST_CHUNK, call, event.time_to_first_token_ms / 1000)
