"""Traces: requests, their time in each layer, and how the calls of a conversation compare with its first."""

from __future__ import annotations

from collections import defaultdict

from exporter import conventions as series
from exporter.events import TraceEvent
from exporter.fold.first_calls import FirstCall, FirstCalls
from exporter.fold.labels import clean
from exporter.fold.observe import observe
from exporter.fold.series_labels import trace_labels
from exporter.fold.state import State

_LAST_CALL = 5
"""Calls from this one on share a label."""

_ENDED_EARLY = frozenset(("error", "cancelled"))
"""Statuses of requests whose time says nothing of how fast a layer is: a refused call ends at once."""


def fold_trace(state: State, first_calls: FirstCalls, event: TraceEvent) -> None:
    """Count a request and its time in each layer."""
    tool, status = trace_labels(event)
    mark = (event.trace_id, event.end_time)
    state.add(series.REQUESTS, (tool, status))
    observe(state, series.REQUEST_DURATION, (tool, status), event.end_time - event.start_time, mark)
    call = None if event.call_index is None else _call_label(event.call_index)
    for span in event.spans:
        seconds = span.end_time - span.start_time
        observe(state, series.LAYER_DURATION, (span.layer, tool), seconds, mark)
        if call:
            observe(state, series.CALL_DURATION, (call, span.layer), seconds, mark)
    if call and event.conversation_id and event.status not in _ENDED_EARLY:
        _fold_slowdown(state, first_calls, event, event.conversation_id, (call, tool))


def _fold_slowdown(
    state: State, first_calls: FirstCalls, event: TraceEvent, conversation: str, labels: tuple[str, str]
) -> None:
    """Compare a call with the first of its conversation, or remember it as the first.

    Calls of two providers are not compared. Otherwise a slow provider would look like a slow conversation wherever
    the first call was another provider's.
    """
    (call, tool), provider = labels, clean(event.provider)
    if event.call_index == 1:
        first_calls.add(conversation, FirstCall(provider, _seconds_by_layer(event)))
        return
    first = first_calls.get(conversation)
    if first is None or first.provider != provider:
        return
    for layer, seconds in _seconds_by_layer(event).items():
        if before := first.seconds.get(layer):
            observe(state, series.CALL_SLOWDOWN, (call, layer, tool, provider), seconds / before)


def _seconds_by_layer(event: TraceEvent) -> dict[str, float]:
    seconds: defaultdict[str, float] = defaultdict(float)
    for span in event.spans:
        seconds[span.layer] += span.end_time - span.start_time
    return dict(seconds)


def _call_label(call_index: int) -> str:
    return str(call_index) if call_index < _LAST_CALL else f"{_LAST_CALL}+"
