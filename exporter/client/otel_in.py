"""Spans of OpenTelemetry as our trace events: an exporter for its SDK.

provider.add_span_processor(BatchSpanProcessor(SpanEvents(client)))
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exporter.client.call_index import CallIndex
from exporter.client.forks import begin_in_every_process
from exporter.client.recorder import Recorder, harmless, nothing
from exporter.client.traces import MOST_SPANS, layer_named

LayerOf = Callable[[Any], str | None]
"""The layer that a span of OpenTelemetry is, None for none."""

_MARKS = (("gen_ai.request.", "ai_api"), ("gen_ai.tool.", "tool"), ("db.", "supabase"))
_PROVIDERS = ("gen_ai.provider.name", "gen_ai.system")
_TOOL_NAMES = ("exai.tool", "gen_ai.tool.name")


def usual_layer(span: Any) -> str | None:
    """The attribute `exai.layer`, else the span's own name, else what its attributes are about."""
    attributes = span.attributes or {}
    named = layer_named(attributes.get("exai.layer", "")) or layer_named(span.name)
    if named:
        return named
    about = (layer for mark, layer in _MARKS if any(key.startswith(mark) for key in attributes))
    return next(about, None)


@dataclass(slots=True)
class _Trace:
    """What is known of a trace before its root span ends."""

    layers: list[dict[str, Any]] = field(default_factory=list)
    provider: str | None = None


class SpanEvents:
    """An OpenTelemetry SpanExporter. One event for each root span, with the layers that were seen below it.

    Of more than `most` traces whose root has not come, the oldest is given up.
    """

    def __init__(self, recorder: Recorder, layer_of: LayerOf = usual_layer, most: int = 1000) -> None:
        self._recorder, self._layer_of, self._most = recorder, layer_of, most
        self._calls = CallIndex()
        begin_in_every_process(self)

    def begin(self) -> None:
        """No span is known."""
        self._lock = threading.RLock()
        self._waiting: OrderedDict[int, _Trace] = OrderedDict()

    def export(self, spans: Sequence[Any]) -> Any:
        """Takes spans that have ended, children before their parents."""
        from opentelemetry.sdk.trace.export import SpanExportResult

        for span in spans:
            self._take(span)
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - OpenTelemetry's signature
        """Nothing is kept back here."""
        return True

    def shutdown(self) -> None:
        """Forgets the traces whose root has not come."""
        self.begin()

    @harmless(nothing)
    def _take(self, span: Any) -> None:
        layer = self._layer_of(span)
        with self._lock:
            trace = self._trace(span.context.trace_id)
            if layer and len(trace.layers) < MOST_SPANS:
                trace.layers.append({"layer": layer, **_period(span)})
            trace.provider = trace.provider or _attribute(span, _PROVIDERS)
            is_root = span.parent is None or span.parent.is_remote
            if is_root:
                del self._waiting[span.context.trace_id]
        if is_root:
            event = _event(span, trace)
            if "conversation_id" in event:
                event["call_index"] = self._calls.next(event["conversation_id"])
            self._recorder.record(event)

    def _trace(self, trace_id: int) -> _Trace:
        trace = self._waiting.setdefault(trace_id, _Trace())
        if len(self._waiting) > self._most:
            self._waiting.popitem(last=False)
        return trace


def _period(span: Any) -> dict[str, float]:
    return {"start_time": span.start_time / 1e9, "end_time": max(span.start_time, span.end_time) / 1e9}


def _attribute(span: Any, names: Sequence[str]) -> str | None:
    attributes: Mapping[str, Any] = span.attributes or {}
    return next((str(attributes[name]) for name in names if name in attributes), None)


def _event(root: Any, trace: _Trace) -> dict[str, Any]:
    attributes: Mapping[str, Any] = root.attributes or {}
    conversation = attributes.get("gen_ai.conversation.id")
    failed = root.status.status_code.name == "ERROR"
    event = {
        "kind": "trace",
        "trace_id": f"{root.context.trace_id:032x}",
        "span_id": f"{root.context.span_id:016x}",
        "parent_span_id": f"{root.parent.span_id:016x}" if root.parent else None,
        "tool_name": _attribute(root, _TOOL_NAMES) or root.name,
        "conversation_id": None if conversation is None else str(conversation),
        "status": "error" if failed else "success",
        "error": root.status.description if failed else None,
        "provider": trace.provider,
        "spans": trace.layers,
        **_period(root),
    }
    return {key: value for key, value in event.items() if value is not None}
