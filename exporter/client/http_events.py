"""What the middleware of both kinds tell of a request."""

from __future__ import annotations

import time
from typing import Any

from exporter.client.in_flight import InFlight
from exporter.client.plain_data import error_text
from exporter.client.recorder import Recorder, harmless, nothing
from exporter.client.traceparent import TraceParent

UNMATCHED = "unmatched"
"""The route of every request that no route was found for: its path would be a new series each."""

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"))
CLIENT_GONE = 499
"""The status of a request that was given up before there was one, as nginx logs it."""

IN_FLIGHT = "http"
"""The layer under which the requests inside the middleware are counted."""


class HttpEvents:
    """Makes the events of one service."""

    def __init__(self, recorder: Recorder, service: str, in_flight: InFlight | None = None) -> None:
        self.in_flight = in_flight or InFlight()
        self._recorder, self._service = recorder, service

    def began(self, parent: TraceParent | None) -> Request:
        """A request that begins now."""
        self.in_flight.step(IN_FLIGHT, 1)
        return Request(self, time.perf_counter(), parent)

    @harmless(nothing)
    def ended(self, request: Request, method: str, error: BaseException | None) -> None:
        """Leaves the event of a request, once."""
        if request.is_told:
            return
        request.is_told = True
        duration_s = time.perf_counter() - request.began
        self.in_flight.step(IN_FLIGHT, -1)
        event: dict[str, Any] = {
            "kind": "http",
            "service": self._service,
            "route": request.route or UNMATCHED,
            "method": method if method in METHODS else "other",
            "status": _status(request.status, error),
            "duration_ms": duration_s * 1000,
            "timestamp": time.time(),
        }
        if request.parent:
            event["trace_id"] = request.parent.trace_id
        if error is not None:
            event["error"] = error_text(error)
        self._recorder.record(event)


def _status(told: int, error: BaseException | None) -> int:
    if 100 <= told <= 599:
        return told
    return 500 if error is None or isinstance(error, Exception) else CLIENT_GONE


class Request:
    """What is known of one so far."""

    __slots__ = ("began", "events", "is_told", "parent", "route", "status")

    def __init__(self, events: HttpEvents, began: float, parent: TraceParent | None) -> None:
        self.events, self.began, self.parent = events, began, parent
        self.route: str | None = None
        self.status = 0
        self.is_told = False
