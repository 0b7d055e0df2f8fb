"""Writes down what one request does, while its own clock runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from zlib import crc32

from exporter.demo.conditions import Conditions
from exporter.demo.model_calls import ModelCall, around
from exporter.demo.shapes import ConnectionEvent, Direction, DurationEvent, Event, Span

SCRIPTS = {
    "websocket": "ws_server.py",
    "redis": "storage_backend.py",
    "supabase": "supabase_client.py",
    "kimi": "kimi_provider",
    "glm": "glm_provider",
}
_TRACEBACK = """Traceback (most recent call last):
  File "/app/src/{script}", line {line}, in {function}
    return self._client.{function}(*args, **kwargs)
{error}"""
_TIMED_RATIO = 0.92
_NAMED_RATIO = 0.3


class Recorder:
    """The events and spans of one request, which has come to the moment `at` (Unix seconds)."""

    def __init__(self, rng: Random, conditions: Conditions, conversation_id: str, at: float) -> None:
        self.rng, self.conditions, self.conversation_id, self.at = rng, conditions, conversation_id, at
        self.events: list[Event] = []
        self.spans: list[Span] = []

    @contextmanager
    def layer(self, name: str, median_ms: float) -> Iterator[None]:
        """A span around what happens inside; the layer's own work takes about `median_ms`."""
        start = self.at
        self.pass_time(around(self.rng, median_ms))
        yield
        self.spans.append({"layer": name, "start_time": start, "end_time": self.at})

    def pass_time(self, milliseconds: float) -> None:
        """Let the request's clock run."""
        self.at += milliseconds / 1000

    def exchange(self, connection_type: str, function: str, median_ms: float, answer_bytes: float) -> str | None:
        """Something sent and its answer received, or the error instead, whose text is returned."""
        failure = self.conditions.failure(connection_type, self.rng)
        took_ms = around(self.rng, median_ms)
        if not failure:
            self.crossed(connection_type, "send", function, 120, took_ms / 4)
        self.pass_time(took_ms)
        direction: Direction = "error" if failure else "receive"
        self.crossed(connection_type, direction, function, answer_bytes, took_ms, failure)
        return failure

    def crossed(
        self,
        connection_type: str,
        direction: Direction,
        function: str,
        median_bytes: float,
        took_ms: float,
        error: str | None = None,
    ) -> None:
        """One connection event now; as recorded, not every one is timed or names its conversation."""
        event: ConnectionEvent = {
            "kind": "connection",
            "connection_type": connection_type,
            "direction": direction,
            "timestamp": self.at,
            "script_name": SCRIPTS[connection_type],
            "function_name": function,
            "data_size_bytes": round(around(self.rng, median_bytes, 1)),
            "response_time_ms": round(took_ms, 3) if self.rng.random() < _TIMED_RATIO else None,
            "error": error,
            "metadata": self._named() if self.rng.random() < _NAMED_RATIO else {},
        }
        if error:
            event["error_traceback"] = traceback_of(error, SCRIPTS[connection_type], function)
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
            "metadata": self._named(),
        }
        if call.estimate_source:
            event["estimated_timeout_s"], event["estimate_source"] = call.timeout_s, call.estimate_source
        if call.error:
            event["error"] = call.error
        else:
            event["time_to_first_token_ms"] = round(call.first_token_ms, 3)
        self.events.append(event)

    def _named(self) -> dict[str, Any]:
        return {"conversation_id": self.conversation_id}


def traceback_of(error: str, script: str, function: str) -> str:
    """What Python shows of an error that came up in a script's function, at the same line each time."""
    line = 40 + crc32(f"{script}:{function}".encode()) % 400
    return _TRACEBACK.format(script=f"{script.removesuffix('.py')}.py", line=line, function=function, error=error)
