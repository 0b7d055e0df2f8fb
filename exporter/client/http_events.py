"""What the middleware of both kinds tell of a request."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import Token
from typing import Any

from exporter.client.in_flight import InFlight
from exporter.client.plain_data import error_text
from exporter.client.recorder import Recorder, harmless, nothing, tell_once
from exporter.client.traceparent import TraceParent, stand_at, stand_back

UNMATCHED = "unmatched"
"""The route of every request that no route was found for: its path would be a new series each."""

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"))
CLIENT_GONE = 499
"""The status of a request that was given up before there was one, as nginx logs it."""

IN_FLIGHT = "http"
"""The layer under which the requests inside the middleware are counted."""


class Request:
    """What is known of one so far; `status` is a number, or the text that begins with it."""

    __slots__ = ("_before", "_route_of", "began", "is_told", "method", "parent", "route", "status")

    def __init__(self, method: str, parent: TraceParent | None, route_of: Callable[[], str | None]) -> None:
        self.method, self.parent, self._route_of = method, parent, route_of
        self.route: str | None = None
        self.status: int | str = 0
        self.is_told = False
        self._before: Token[TraceParent | None] | None = stand_at(parent) if parent else None
        self.began = time.perf_counter()

    def find_route(self) -> str:
        """Its route, asked for once."""
        if self.route is None:
            try:
                self.route = self._route_of() or UNMATCHED
            except Exception:
                tell_once("route_of")
                self.route = UNMATCHED
        return self.route

    def stand_back(self) -> None:
        """Says that the running code stands where it stood before the request."""
        if self._before:
            stand_back(self._before)


class HttpEvents:
    """Makes the events of one service: a few calls for each request, since every one of them is felt."""

    def __init__(self, recorder: Recorder, service: str, in_flight: InFlight | None = None) -> None:
        self.in_flight = in_flight or InFlight()
        self._recorder, self._service = recorder, service

    def began(self, method: str, parent: TraceParent | None, route_of: Callable[[], str | None]) -> Request:
        """A request that begins now; its route is asked for when it ends, if not before."""
        self.in_flight.step(IN_FLIGHT, 1)
        return Request(method, parent, route_of)

    @harmless(nothing)
    def ended(self, request: Request, error: BaseException | None = None) -> None:
        """Leaves the event of a request, once."""
        if request.is_told:
            return
        request.is_told = True
        duration_s = time.perf_counter() - request.began
        self.in_flight.step(IN_FLIGHT, -1)
        event: dict[str, Any] = {
            "kind": "http",
            "service": self._service,
            "route": request.find_route(),
            "method": request.method if request.method in METHODS else "other",
            "status": _status(request.status, error),
            "duration_ms": duration_s * 1000,
            "timestamp": time.time(),
        }
        if request.parent:
            event["trace_id"] = request.parent.trace_id
        if error is not None:
            event["error"] = error_text(error)
        self._recorder.record(event)


def _status(told: int | str, error: BaseException | None) -> int:
    try:
        status = int(told if isinstance(told, int) else told[:3])
    except (ValueError, TypeError):
        status = 0
    if 100 <= status <= 599:
        return status
    return 500 if error is None or isinstance(error, Exception) else CLIENT_GONE
