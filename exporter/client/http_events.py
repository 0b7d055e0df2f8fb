"""What the middleware of both kinds tell of a request."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import Token
from typing import Any

from exporter.client.in_flight import InFlight
from exporter.client.plain_data import error_text
from exporter.client.recorder import Recorder, record_later, tell_once
from exporter.client.traceparent import TraceParent, stand_at, stand_back

UNMATCHED = "unmatched"
"""The route of every request that no route was found for: its path would be a new series each."""

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"))
CLIENT_GONE = 499
"""The status of a request that was given up before there was one, as nginx logs it."""

IN_FLIGHT = "http"
"""The layer under which the requests inside the middleware are counted."""


class HttpEvents:
    """Where the requests to one service are told of, and which of them are inside now."""

    def __init__(self, recorder: Recorder, service: str, in_flight: InFlight | None = None) -> None:
        self.service, self.in_flight = service, in_flight or InFlight()
        self.inside, self.record_later = self.in_flight.members(IN_FLIGHT), record_later(recorder)


class Request:
    """One request, from its making to `ended`. `status` is a number, or the text that begins with it.

    What can wait is left to the thread that sends its event, which does it for many at once: code that runs once in
    some milliseconds has to be fetched into the caches of the processor each time, and takes several times as long.
    """

    __slots__ = (
        "_before",
        "_began",
        "_duration_s",
        "_ended_at",
        "_error",
        "_events",
        "_method",
        "_parent",
        "_route",
        "_route_of",
        "_without_status",
        "is_over",
        "status",
    )

    def __init__(
        self, events: HttpEvents, method: str, parent: TraceParent | None, route_of: Callable[[], str | None]
    ) -> None:
        self._events, self._method, self._parent = events, method, parent
        self._route_of: Callable[[], str | None] | None = route_of
        self._route: str | None = None
        self.status: int | str = 0
        self.is_over = False
        self._error, self._without_status = "", 500
        self._before: Token[TraceParent | None] | None = stand_at(parent) if parent else None
        events.inside.add(self)
        self._began = time.perf_counter()

    def find_route(self) -> None:
        """Asks for its route, once; the request lets go of whom it asks, who may hold much."""
        route_of, self._route_of = self._route_of, None
        try:
            self._route = route_of() if route_of else self._route
        except Exception:
            tell_once("route_of")

    def ended(self, error: BaseException | None = None) -> None:
        """Leaves its event, once: all its bytes are sent, or it ends with an exception."""
        if self.is_over:
            return
        self.is_over, events = True, self._events
        events.inside.discard(self)
        try:
            self._duration_s, self._ended_at = time.perf_counter() - self._began, time.time()
            if error is not None:
                self._error = error_text(error)
                self._without_status = 500 if isinstance(error, Exception) else CLIENT_GONE
            if self._route_of:
                self.find_route()
            events.record_later(self._event)
        except Exception:
            tell_once("Request.ended")

    def stand_back(self) -> None:
        """Says that the running code stands where it stood before the request."""
        if self._before:
            stand_back(self._before)
            self._before = None

    def _event(self) -> dict[str, Any]:
        event: dict[str, Any] = {
            "kind": "http",
            "service": self._events.service,
            "route": self._route or UNMATCHED,
            "method": self._method if self._method in METHODS else "other",
            "status": _status(self.status, self._without_status),
            "duration_ms": self._duration_s * 1000,
            "timestamp": self._ended_at,
        }
        if self._parent:
            event["trace_id"] = self._parent.trace_id
        if self._error:
            event["error"] = self._error
        return event


def _status(told: int | str, default: int) -> int:
    try:
        status = int(told if isinstance(told, int) else told[:3])
    except (ValueError, TypeError):
        return default
    return status if 100 <= status <= 599 else default
