"""The blocks of code that are a request, and the layers that it passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Protocol

from exporter.client.in_flight import InFlight
from exporter.client.recorder import harmless, nothing
from exporter.client.timed_call import outcome_of
from exporter.client.traceparent import TraceParent, new_span_id, stand_at, stand_back
from exporter.client.traces import Trace, add_span, layer_named, position
from exporter.types import Clock

running: ContextVar[Trace | None] = ContextVar("exai_trace", default=None)
"""The trace that the running code is in, None outside of any."""


class Tracer(Protocol):
    """What a block needs of its tracer."""

    in_flight: InFlight
    clock: Clock

    def complete_trace(self, trace_id: str, status: str = ..., error: object = ...) -> None:
        """Ends a trace."""


class _Block:
    """Sets where the running code stands, and sets it back."""

    _before: tuple[Token[Trace | None], Token[TraceParent | None] | None] | None = None

    def _stand(self, trace: Trace, at: TraceParent) -> None:
        self._before = running.set(trace), stand_at(at)

    def _stand_back(self) -> None:
        if self._before:
            with suppress(ValueError):  # A generator may be closed in another context than it was begun in.
                running.reset(self._before[0])
            stand_back(self._before[1])


class TraceBlock(_Block):
    """A request, from where the block begins to where it ends; its trace is what `as` names."""

    def __init__(self, tracer: Tracer, start: Callable[[], Trace]) -> None:
        self._tracer, self._start = tracer, start
        self._trace: Trace = {}

    def __enter__(self) -> Trace:
        self._trace = self._start()
        self._enter()
        return self._trace

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stand_back()
        if self._trace:
            self._tracer.complete_trace(self._trace["key"], _status(kind), error)

    @harmless(nothing)
    def _enter(self) -> None:
        if self._trace:
            self._stand(self._trace, position(self._trace))


class SpanBlock(_Block):
    """A layer, from where the block begins to where it ends."""

    def __init__(self, tracer: Tracer, layer: str, metadata: Mapping[str, Any] | None, trace: Trace | None) -> None:
        self._tracer, self._layer, self._metadata = tracer, layer, metadata
        self._trace, self._span_id, self._began = trace, new_span_id(), 0.0
        self._known: str | None = None

    def __enter__(self) -> None:
        self._enter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stand_back()
        self._exit()

    @harmless(nothing)
    def _enter(self) -> None:
        self._trace = running.get() if self._trace is None else self._trace
        self._known = layer_named(self._layer)
        if self._known:
            self._tracer.in_flight.entered(self._known)
        if self._trace:
            self._stand(self._trace, position(self._trace, self._span_id))
        self._began = self._tracer.clock()

    @harmless(nothing)
    def _exit(self) -> None:
        if self._known:
            self._tracer.in_flight.left(self._known)
        if self._trace:
            add_span(self._trace, self._layer, (self._began, self._tracer.clock()), self._metadata, self._span_id)


def _status(kind: type[BaseException] | None) -> str:
    """success, error, timeout, or cancelled where the request was given up."""
    return {"ok": "success", "": "cancelled"}.get(outcome := outcome_of(kind, cut_off=False), outcome)
