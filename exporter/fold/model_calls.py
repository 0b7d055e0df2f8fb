"""Folds calls of models: duration, tokens, first chunk."""

from __future__ import annotations

from collections.abc import Iterator

from exporter import conventions as series
from exporter.calls import REFUSED
from exporter.events import DurationEvent
from exporter.fold.observe import observe
from exporter.fold.series_labels import call_labels
from exporter.fold.state import State


def fold_model_call(state: State, event: DurationEvent) -> None:
    """Counts one call under OpenTelemetry's GenAI names."""
    labels = call_labels(event)
    call = labels[:3]
    observe(state, series.OPERATION_DURATION, labels, event.duration_ms / 1000)
    for token_type, tokens in usage(event, labels[3]):
        observe(state, series.TOKEN_USAGE, (*call, token_type), tokens)
    if event.time_to_first_token_ms is not None:
        observe(state, series.TIME_TO_FIRST_CHUNK, call, event.time_to_first_token_ms / 1000)


def usage(event: DurationEvent, error_type: str) -> Iterator[tuple[str, int]]:
    """Yield the type of token and the count of each that is known; a count of 0 means that it is not.

    A refused call used no tokens: what its sender tells is the prompt that the model never read.
    """
    if error_type in REFUSED:
        return
    split = event.prompt_tokens or event.completion_tokens
    counts = (
        ("input", event.prompt_tokens),
        ("output", event.completion_tokens),
        ("total", None if split else event.total_tokens),
        ("input_cached", event.cached_input_tokens),
        ("input_cache_write", event.cache_write_tokens),
        ("output_reasoning", event.reasoning_tokens),
    )
    yield from ((token_type, tokens) for token_type, tokens in counts if tokens)
