"""Follows a request through the layers of the gateway.

    tracer = RequestTracer(client)
    with tracer.trace("chat", conversation_id="c1"), tracer.span("ai_api"):
        call_the_model(headers={"traceparent": tracer.traceparent()})

Works from any thread and in any task; nothing here raises into the application.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from exporter.client.call_index import CallIndex
from exporter.client.decorated import F, around
from exporter.client.forks import begin_in_every_process
from exporter.client.in_flight import InFlight
from exporter.client.recorder import Recorder, harmless, nothing
from exporter.client.trace_blocks import SpanBlock, TraceBlock
from exporter.client.traceparent import TraceParent, current
from exporter.client.traces import Trace, add_span, end_trace, event_of, new_trace
from exporter.types import Clock


class RequestTracer:
    """Makes one trace event of each request.

    `also` hear of each trace that has ended (`exporter.client.otel_out.to_otel` makes one). Of more than `most`
    traces under way the oldest is given up and counted in `abandoned`; as many conversations are remembered.
    Give `in_flight` to `Snapshots` to have the requests in each layer shown.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        also: Sequence[Callable[[Trace], None]] = (),
        most: int = 10_000,
        clock: Clock = time.time,
    ) -> None:
        self.in_flight = InFlight()
        self.clock = clock
        self._recorder, self._also, self._most = recorder, tuple(also), most
        self._calls = CallIndex(most)
        begin_in_every_process(self)

    def begin(self) -> None:
        """Nothing is under way."""
        self.active_traces: dict[str, Trace] = {}
        self.abandoned = 0

    @harmless(dict)
    def start_trace(
        self,
        request_id: str | None,
        tool_name: str,
        parameters: Any = None,
        *,
        conversation_id: str | None = None,
        call_index: int | None = None,
        provider: str | None = None,
        traceparent: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Trace:
        """Begins the trace of a request, which `active_traces` holds under the request's id until it is completed.

        It continues the trace that `traceparent` tells, else the one that the running code is in. The parameters
        are kept for the application alone. The provider is that of the first model call in the trace that
        `ModelCalls` makes, unless it is given here.
        """
        name = None if request_id is None else str(request_id)
        parent = TraceParent.parse(traceparent) or current.get() or _parent_in_otel()
        trace = new_trace(name, tool_name, parameters, parent, self.clock())
        trace["metadata"] = dict(metadata or {})
        trace["provider"] = None if provider is None else str(provider)
        if conversation_id is not None:
            trace["conversation_id"] = str(conversation_id)
            trace["call_index"] = call_index or self._calls.next(str(conversation_id))
        self._activate(trace)
        return trace

    @harmless(nothing)
    def add_span(
        self,
        trace_id: str,
        layer_name: str,
        start_time: float,
        end_time: float,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Adds the time (Unix seconds) that a request spent in a layer; an unknown trace or layer is left out."""
        trace = self.active_traces.get(trace_id)
        if trace is not None:
            add_span(trace, layer_name, (start_time, end_time), metadata)

    @harmless(nothing)
    def complete_trace(self, trace_id: str, status: str = "success", error: object = None) -> None:
        """Ends the trace, and leaves its event to be pushed; does nothing for an unknown one."""
        trace = self.active_traces.pop(trace_id, None)
        if trace is None:
            return
        end_trace(trace, status, error, self.clock())
        self._recorder.record(event_of(trace))
        for hear in self._also:
            harmless(nothing)(hear)(trace)

    def trace(self, tool_name: str, **known: Any) -> TraceBlock:
        """The request that the block serves; `known` as `start_trace` takes it."""
        request_id, parameters = known.pop("request_id", None), known.pop("parameters", None)
        return TraceBlock(self, lambda: self.start_trace(request_id, tool_name, parameters, **known))

    def span(self, layer: str, metadata: Mapping[str, Any] | None = None, trace_id: str | None = None) -> SpanBlock:
        """The layer that the block is, in the trace that runs, or in another under way."""
        return SpanBlock(self, layer, metadata, None if trace_id is None else self._under_way(trace_id))

    def traced(self, tool_name: str, **known: Any) -> Callable[[F], F]:
        """Decorates a function, of whatever kind, each run of which is a request."""
        return lambda function: around(lambda: self.trace(tool_name, **known), function)

    def in_layer(self, layer: str, metadata: Mapping[str, Any] | None = None) -> Callable[[F], F]:
        """Decorates a function, of whatever kind, that is a layer."""
        return lambda function: around(lambda: self.span(layer, metadata), function)

    def traceparent(self) -> str:
        """The header to send to whom the running code calls; empty outside of any trace."""
        return str(current.get() or "")

    @harmless(dict)
    def _under_way(self, trace_id: str) -> Trace:
        return self.active_traces.get(trace_id, {})

    def _activate(self, trace: Trace) -> None:
        key = trace["request_id"] or trace["trace_id"]
        trace["key"] = key if key not in self.active_traces else trace["span_id"]
        self.active_traces[trace["key"]] = trace
        with suppress(RuntimeError):  # Another thread has just added one, and will look itself.
            while len(self.active_traces) > self._most:
                self.active_traces.pop(next(iter(self.active_traces)), None)
                self.abandoned += 1


def _parent_in_otel() -> TraceParent | None:
    if "opentelemetry.trace" not in sys.modules:
        return None
    from exporter.client.otel_out import otel_position

    return otel_position()
