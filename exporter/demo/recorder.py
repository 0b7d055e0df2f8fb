"""Writes down what one request does, while its own clock runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from exporter.demo.call_sites import CallSite, Metadata, failure
from exporter.demo.conditions import Conditions
from exporter.demo.model_calls import ModelCall, around
from exporter.demo.sessions import Session
from exporter.demo.shapes import ConnectionEvent, Direction, DurationEvent, Event, Span


class Recorder:
    """The events and spans of one request, which has come to the moment `at` (Unix seconds)."""

    def __init__(self, rng: Random, conditions: Conditions, session: Session, at: float) -> None:
        self.rng, self.conditions, self.at = rng, conditions, at
        self._conversation_id, self._call_index = session.conversation_id, session.calls
        self._pace = 1.0
        self.events: list[Event] = []
        self.spans: list[Span] = []

    @contextmanager
    def layer(self, name: str, median_ms: float) -> Iterator[None]:
        """Record a span around what happens inside; the layer's own work takes about `median_ms`."""
        start, self._pace = self.at, self.conditions.pace(name, self._call_index)
        self.pass_time(around(self.rng, median_ms) * self._pace)
        yield
        self._pace = 1.0
        self.spans.append({"layer": name, "start_time": start, "end_time": self.at})

    def pass_time(self, milliseconds: float) -> None:
        """Let the request's clock run."""
        self.at += milliseconds / 1000

    def attempt(
        self, site: CallSite, direction: Direction, median_ms: float, median_bytes: float, metadata: Metadata
    ) -> str | None:
        """Record an operation that takes about `median_ms`, or its error, whose text is returned."""
        failed = self.conditions.failure(site.connection_type, self.rng)
        took_ms = around(self.rng, median_ms) * self._pace
        self.pass_time(took_ms)
        self.record(site, "error" if failed else direction, median_bytes, took_ms, metadata, failed)
        return failed

    def record(
        self,
        site: CallSite,
        direction: Direction,
        median_bytes: float,
        took_ms: float | None,
        metadata: Metadata,
        error: str | None = None,
    ) -> None:
        """Record one connection event now."""
        captured = failure(site, error) if error and site.captures_errors else {}
        event: ConnectionEvent = {
            "kind": "connection",
            "connection_type": site.connection_type,
            "direction": direction,
            "timestamp": self.at,
            "script_name": site.script,
            "function_name": site.function,
            "data_size_bytes": round(around(self.rng, median_bytes, 1)),
            "response_time_ms": None if took_ms is None else round(took_ms, 3),
            "error": error,
            "metadata": {**captured, **metadata},
        }
        self.events.append(event)

    def called(self, call: ModelCall, tool: str, request_id: str) -> None:
        """The model call that ends now."""
        event: DurationEvent = {
            "kind": "duration",
            "model": call.model.name,
            "provider": call.model.provider,
            "duration_ms": call.duration_ms,
            "timestamp": self.at,
            "prompt_tokens": call.prompt_tokens,
            "completion_tokens": call.completion_tokens,
            "max_tokens": call.max_tokens,
            "request_type": call.request_type,
            "outcome": call.outcome,
            "request_id": request_id,
            "tool_name": tool,
            "metadata": {"conversation_id": self._conversation_id},
        }
        if call.estimate_source:
            event["estimated_timeout_s"], event["estimate_source"] = call.timeout_s, call.estimate_source
        if call.error:
            event["error"] = call.error
        else:
            event["time_to_first_token_ms"] = round(call.first_token_ms, 3)
        self.events.append(event)
