"""Our traces as spans of OpenTelemetry, where it is installed: to OTLP, or wherever its processors send them.

tracer = RequestTracer(client, also=[to_otel(BatchSpanProcessor(OTLPSpanExporter()))])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from exporter.client.traceparent import TraceParent, as_trace_id
from exporter.client.traces import Trace


def otel_position() -> TraceParent | None:
    """The span of OpenTelemetry that the running code is in."""
    from opentelemetry import trace

    at = trace.get_current_span().get_span_context()
    if not at.is_valid:
        return None
    return TraceParent(f"{at.trace_id:032x}", f"{at.span_id:016x}", at.trace_flags.sampled)


def to_otel(processor: Any, service: str = "exai-gateway") -> Callable[[Trace], None]:
    """What hands each trace that has ended to a SpanProcessor: a span for the request, one below it for each layer.

    Raises:
        ImportError: opentelemetry-sdk is not installed.
    """
    from opentelemetry.sdk.resources import Resource

    resource = Resource.create({"service.name": service})

    def hear(trace: Trace) -> None:
        for span in trace["spans"]:
            processor.on_end(_span(span["layer"], trace, span, trace["span_id"], resource))
        processor.on_end(_span(trace["tool_name"], trace, trace, trace["parent_span_id"], resource))

    return hear


def _span(name: str, trace: Trace, timed: Mapping[str, Any], parent: str | None, resource: Any) -> Any:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Status, StatusCode

    failed = timed is trace and trace["status"] != "success"
    return ReadableSpan(
        name,
        context=_context(trace, timed["span_id"]),
        parent=_context(trace, parent) if parent else None,
        resource=resource,
        attributes=_attributes(trace, timed),
        status=Status(StatusCode.ERROR, trace["error"] or trace["status"]) if failed else Status(StatusCode.UNSET),
        start_time=int(timed["start_time"] * 1e9),
        end_time=int(timed["end_time"] * 1e9),
    )


def _context(trace: Trace, span_id: str) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    flags = TraceFlags(TraceFlags.SAMPLED if trace["sampled"] else TraceFlags.DEFAULT)
    return SpanContext(int(as_trace_id(trace["trace_id"]), 16), int(span_id, 16), is_remote=False, trace_flags=flags)


def _attributes(trace: Trace, timed: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        "exai.tool": trace["tool_name"],
        "exai.layer": timed.get("layer"),
        "exai.status": trace["status"],
        "exai.call_index": trace["call_index"],
        "gen_ai.conversation.id": trace["conversation_id"],
    }
    return {key: value for key, value in told.items() if value is not None}
