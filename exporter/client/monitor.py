"""Keeps what crosses an application's connections, and sends it on in the background."""

from __future__ import annotations

import os
import time
from typing import Any

from exporter.calls import USUAL_REQUEST_TYPE, provider_of
from exporter.client.arrivals import MOST_NOTES, Arrivals
from exporter.client.monitor_settings import MonitorSettings, settings_from
from exporter.client.outlet_choice import outlet_for
from exporter.client.plain_data import count, name, plain, text
from exporter.client.recorded import MODEL_CALL, caught
from exporter.client.recorder import harmless, nothing
from exporter.client.reports import Reports


class ConnectionMonitor(Reports):
    """The connections of one application, from any thread. Nothing is raised into it.

    Recording notes the call and returns; everything else happens in the background, or when it is asked for.

    Without arguments it writes where the environment says (see `exporter.client.monitor_settings`); with a
    `redis_url`, an `exporter_url` or both, there: to one of them alone, Redis before the exporter, so that each event
    counts once. An empty `redis_url` alone keeps everything in memory.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        exporter_url: str | None = None,
        token: str | None = None,
        *,
        settings: MonitorSettings | None = None,
    ) -> None:
        told = redis_url is not None or exporter_url is not None
        given = MonitorSettings(_text(redis_url), _text(exporter_url), _text(token)) if told else None
        Reports.__init__(self, Arrivals(outlet_for(settings or given or settings_from(os.environ))))
        self._notes = self._arrivals.notes

    def record_event(
        self,
        connection_type: str,
        direction: str,
        script_name: str,
        function_name: str,
        data_size_bytes: int,
        response_time_ms: float | None = None,
        error: str | BaseException | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Records an event; `direction` is send, receive or error.

        An exception as `error` keeps its type, message and traceback; so does a text that speaks of the exception
        that is being handled.
        """
        notes = self._notes
        notes.append((
            time.time(), connection_type, direction, script_name, function_name, data_size_bytes, response_time_ms,
            None if error is None else caught(error), metadata.copy() if type(metadata) is dict else metadata,
        ))  # fmt: skip
        if not self._arrivals.attended or len(notes) > MOST_NOTES:
            self._attend()

    @harmless(nothing)
    def record_duration(
        self,
        model: str,
        duration_ms: float,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
        request_type: str = USUAL_REQUEST_TYPE,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Records a call of a model; its provider is told by the model's name."""
        tokens = count(prompt_tokens) + count(completion_tokens)
        call = {
            "adaptive_timeout": True,
            "model": name(model),
            "request_type": name(request_type),
            "prompt_tokens": None if prompt_tokens is None else count(prompt_tokens),
            "completion_tokens": None if completion_tokens is None else count(completion_tokens),
            "total_tokens": tokens,
            "adaptive_timeout_ms": duration_ms,
            **plain(metadata),
        }
        self.record_event(
            provider_of(name(model)), MODEL_CALL, "adaptive_timeout.py", "record_duration", tokens, duration_ms,
            metadata=call,
        )  # fmt: skip

    def record_websocket_event(self, direction: str, function_name: str, data_size: int, **more: Any) -> None:
        """Records an event of the WebSocket server."""
        self.record_event("websocket", direction, "ws_server.py", function_name, data_size, **more)

    def record_redis_event(self, direction: str, function_name: str, data_size: int, **more: Any) -> None:
        """Records an event of the storage in Redis."""
        self.record_event("redis", direction, "storage_backend.py", function_name, data_size, **more)

    def record_supabase_event(self, direction: str, function_name: str, data_size: int, **more: Any) -> None:
        """Records an event of the Supabase client."""
        self.record_event("supabase", direction, "supabase_client.py", function_name, data_size, **more)

    def record_kimi_event(self, direction: str, function_name: str, data_size: int, **more: Any) -> None:
        """Records an event of the Kimi provider."""
        self.record_event("kimi", direction, "kimi_provider", function_name, data_size, **more)

    def record_glm_event(self, direction: str, function_name: str, data_size: int, **more: Any) -> None:
        """Records an event of the GLM provider."""
        self.record_event("glm", direction, "glm_provider", function_name, data_size, **more)

    def increment_active_connections(self, connection_type: str) -> None:
        """One connection more is open."""
        self._step(connection_type, 1)

    def decrement_active_connections(self, connection_type: str) -> None:
        """One connection is closed; there are never less than none."""
        self._step(connection_type, -1)

    @harmless(lambda: False)
    def flush(self, within_s: float = 5.0) -> bool:
        """Delivers everything recorded so far; False when that takes longer."""
        return self._arrivals.flush(within_s)

    @harmless(nothing)
    def shutdown(self, within_s: float = 5.0) -> None:
        """Delivers what waits, for so many seconds at most, and leaves no thread and no connection."""
        self._arrivals.close(within_s)

    @harmless(nothing)
    def _attend(self) -> None:
        self._arrivals.attend()

    def _step(self, connection_type: str, by: int) -> None:
        self._notes.append((time.time(), connection_type, by))
        if not self._arrivals.attended or len(self._notes) > MOST_NOTES:
            self._attend()


def _text(given: Any) -> str:
    return "" if given is None else text(given)
