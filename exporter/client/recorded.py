"""One event as ConnectionMonitor keeps it, and the shapes in which it is shown and sent."""

from __future__ import annotations

import sys
import traceback
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple

from exporter.calls import UNKNOWN_PROVIDER, failure_type
from exporter.client.plain_data import count, error_text, name, text

MODEL_CALL = "duration_recorded"
"""The direction of an event that records a model call; its `data_size_bytes` are tokens."""

_COUNTS = ("prompt_tokens", "completion_tokens", "max_tokens")
_NAMES = ("tool_name", "thinking_mode", "finish_reason", "conversation_id", "trace_id")
"""What a model call's metadata may tell of it."""

_LONGEST_TRACEBACK = 20_000

Caught = tuple[Any, BaseException | None, TracebackType | None]
"""An error as it was given, and the exception that it is or that was being handled, with its traceback then."""


class Failure(NamedTuple):
    """An error's text, and what is known of the exception behind it."""

    message: str
    type: str | None = None
    traceback: str | None = None

    def details(self) -> dict[str, str]:
        """The fields of an event that say what exception it was; none where it was only a text."""
        return {"error_type": self.type, "error_traceback": self.traceback or ""} if self.type else {}


class Recorded(NamedTuple):
    """One event; `stats` are its type's running totals with it."""

    timestamp: float
    connection_type: str
    direction: str
    script: str
    function: str
    data_size_bytes: int
    response_time_ms: float | None
    failure: Failure | None
    metadata: dict[str, Any]
    event_id: str
    stats: dict[str, Any]

    def shown(self) -> dict[str, Any]:
        """As get_recent_events shows it; `error_type` and `error_traceback` only where there was an exception."""
        return {
            "timestamp": self.timestamp,
            "datetime": _local(self.timestamp),
            "connection_type": self.connection_type,
            "direction": self.direction,
            "script": self.script,
            "function": self.function,
            "data_size_bytes": self.data_size_bytes,
            "response_time_ms": self.response_time_ms,
            "error": self.failure.message if self.failure else None,
            "metadata": dict(self.metadata),
            **(self.failure.details() if self.failure else {}),
        }

    def member(self) -> dict[str, Any]:
        """As the gateway writes it to Redis; the id makes it one of its kind, however often it is written."""
        return {**self.shown(), "stats": self.stats, "event_id": self.event_id}

    def canonical(self) -> list[dict[str, Any]]:
        """As the exporter takes it: a model call is an event of its connection, and one of its model."""
        connection = {
            "kind": "connection",
            "event_id": self.event_id,
            "connection_type": self.connection_type,
            "direction": self.direction,
            "timestamp": self.timestamp,
            "script_name": self.script,
            "function_name": self.function,
            "data_size_bytes": self.data_size_bytes,
            "response_time_ms": self.response_time_ms,
            "metadata": self.metadata,
        }
        if self.failure:
            connection |= {"error": self.failure.message, **self.failure.details()}
        model_call = self.direction == MODEL_CALL and self.response_time_ms is not None
        return [connection, self._duration()] if model_call else [connection]

    def _duration(self) -> dict[str, Any]:
        counts = {key: self.metadata.get(key) for key in _COUNTS}
        names = {key: self.metadata.get(key) for key in _NAMES}
        event = {
            "kind": "duration",
            "event_id": f"{self.event_id}-call",
            "model": name(self.metadata.get("model") or UNKNOWN_PROVIDER),
            "duration_ms": self.response_time_ms,
            "timestamp": self.timestamp,
            "provider": self.connection_type,
            "request_type": name(self.metadata.get("request_type") or ""),
            "outcome": "ok",
        }
        if self.failure and self.failure.message:
            message, kind = self.failure.message, self.failure.type
            event |= {"outcome": "error", "error": message, "error_type": failure_type(message, kind)}
        event |= {key: count(value) for key, value in counts.items() if value is not None}
        return event | {key: name(value) for key, value in names.items() if value}


def caught(error: Any) -> Caught:
    """What there is to keep of an error at the moment that it is recorded."""
    try:
        exception = error if isinstance(error, BaseException) else sys.exception()
        return error, exception, None if exception is None else exception.__traceback__
    except Exception:
        return error, None, None


def failure_of(error: Caught | None) -> Failure | None:
    """The error in words. A text keeps the exception that was being handled, if it speaks of it."""
    if error is None:
        return None
    given, exception, trace = error
    if exception is None:
        return Failure(text(given))
    kind, message = type(exception).__name__, text(exception)
    if given is not exception:
        told = text(given)
        if not (kind in told or (message and message in told)):
            return Failure(told)
        return Failure(told, kind, _formatted(exception, trace))
    return Failure(error_text(exception), kind, _formatted(exception, trace))


def _formatted(exception: BaseException, trace: TracebackType | None) -> str:
    try:
        lines = "".join(traceback.format_exception(type(exception), exception, trace))
    except Exception:
        return ""
    return text(lines[-_LONGEST_TRACEBACK:], _LONGEST_TRACEBACK)


def _local(timestamp: float) -> str:
    """The display time, in the zone of the process (TZ)."""
    try:
        return datetime.fromtimestamp(timestamp).astimezone().isoformat()
    except (OverflowError, OSError, ValueError):
        return ""
