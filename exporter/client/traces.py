"""A trace as it grows, and the event that it becomes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from exporter.client.plain_data import error_text, plain
from exporter.client.traceparent import TraceParent, as_trace_id, new_span_id, new_trace_id

LAYERS = ("shim", "websocket", "tool", "provider_selection", "ai_api", "supabase")
"""In the order in which a request passes them."""

_OTHER_NAMES = {
    "daemon": "websocket",
    "tool_execution": "tool",
    "provider": "provider_selection",
    "api": "ai_api",
    "storage": "supabase",
}

MOST_SPANS = 1000
"""Spans of one trace; more are left out."""

Trace = dict[str, Any]
"""`trace_id, tool_name, parameters, start_time, spans, status`; then also `end_time, total_duration_ms, error`."""


def layer_named(name: str) -> str | None:
    """The layer of that name, as people write it ("AI API", "provider-selection", "storage"), None for none."""
    word = str(name).strip().lower().replace(" ", "_").replace("-", "_").removesuffix("_layer")
    word = _OTHER_NAMES.get(word, word)
    return word if word in LAYERS else None


def new_trace(request_id: str | None, tool_name: str, parameters: Any, parent: TraceParent | None, now: float) -> Trace:
    """A trace that begins: its parent's where there is one, else named by the request."""
    return {
        "trace_id": parent.trace_id if parent else request_id or new_trace_id(),
        "span_id": new_span_id(),
        "parent_span_id": parent.span_id if parent else None,
        "sampled": parent.sampled if parent else True,
        "request_id": request_id,
        "tool_name": str(tool_name),
        "parameters": parameters,
        "conversation_id": None,
        "call_index": None,
        "provider": None,
        "start_time": now,
        "spans": [],
        "status": "active",
        "metadata": {},
    }


def position(trace: Trace, span_id: str | None = None) -> TraceParent:
    """Where the next process stands that is called from this trace, or from one of its spans."""
    return TraceParent(as_trace_id(trace["trace_id"]), span_id or trace["span_id"], trace["sampled"])


def add_span(
    trace: Trace,
    layer: str,
    period: tuple[float, float],
    metadata: Mapping[str, Any] | None = None,
    span_id: str | None = None,
) -> None:
    """Adds the time spent in a layer, unless there is no such layer or the time is none."""
    name, start, end = layer_named(layer), float(period[0]), float(period[1])
    if name is None or not math.isfinite(start + end) or len(trace["spans"]) >= MOST_SPANS:
        return
    end = max(start, end)
    trace["spans"].append(
        {
            "layer": name,
            "start_time": start,
            "end_time": end,
            "duration_ms": (end - start) * 1000,
            "span_id": span_id or new_span_id(),
            "metadata": plain(metadata),
        }
    )


def end_trace(trace: Trace, status: str, error: object, now: float) -> None:
    """Sets what the end tells."""
    trace["end_time"] = max(trace["start_time"], now)
    trace["total_duration_ms"] = (trace["end_time"] - trace["start_time"]) * 1000
    trace["status"] = status
    trace["error"] = None if error is None else error_text(error) or None


def event_of(trace: Trace) -> dict[str, Any]:
    """The canonical event of a trace that has ended; its parameters, which may hold anything, stay at home."""
    kept = ("trace_id", "span_id", "parent_span_id", "tool_name", "conversation_id", "call_index", "provider")
    ended = ("start_time", "end_time", "status", "error")
    event = {"kind": "trace", **{key: trace[key] for key in (*kept, *ended)}}
    request = {"request_id": trace["request_id"]} if trace["request_id"] not in (None, trace["trace_id"]) else {}
    event["metadata"] = {**plain(trace["metadata"]), **request} or None
    event["spans"] = [_told(span) for span in trace["spans"]]
    return {key: value for key, value in event.items() if value is not None}


def _told(span: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("layer", "start_time", "end_time", "metadata")
    return {key: span[key] for key in kept if span[key] != {}}
