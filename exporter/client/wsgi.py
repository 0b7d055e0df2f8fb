"""Middleware for WSGI applications; Flask's routes are understood.

app.wsgi_app = WsgiMiddleware(app.wsgi_app, client, "shop")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from exporter.client.http_events import HttpEvents, Request
from exporter.client.in_flight import InFlight
from exporter.client.recorder import Recorder
from exporter.client.traceparent import TraceParent

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
RouteOf = Callable[[Environ], str | None]

ROUTE_KEY = "exai.route"
"""Where an application that is not Flask leaves the template of its route, before it calls `start_response`."""


def usual_route(environ: Environ) -> str | None:
    """What the application left under `exai.route`, else the rule that Flask has found."""
    if ROUTE_KEY in environ:
        return str(environ[ROUTE_KEY])
    rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
    return getattr(rule, "rule", None)


class WsgiMiddleware:
    """Records each request of an application, from its first line to its last byte.

    Give `in_flight` to `Snapshots` to have the requests inside shown; it may be one of yours.
    """

    def __init__(
        self,
        app: Application,
        recorder: Recorder,
        service: str,
        *,
        route_of: RouteOf = usual_route,
        in_flight: InFlight | None = None,
    ) -> None:
        self._app, self._route_of = app, route_of
        self._events = HttpEvents(recorder, service, in_flight)
        self.in_flight = self._events.in_flight

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serves a request."""
        parent = TraceParent.parse(environ.get("HTTP_TRACEPARENT"))
        route_of = partial(self._route_of, environ)
        request = Request(self._events, environ.get("REQUEST_METHOD", ""), parent, route_of)

        def start(status: str, *args: Any) -> Any:
            request.status = status
            request.find_route()  # Flask forgets it before the end.
            return start_response(status, *args)

        try:
            body = self._app(environ, start)
        except BaseException as error:
            request.ended(error)
            raise
        finally:
            if parent:
                request.stand_back()
        if hasattr(body, "__len__"):  # All of it is there, and servers ask its length.
            request.ended()
            return body
        return _Body(body, request)


class _Body:
    """Hands a body on, and tells of its end."""

    __slots__ = ("_body", "_request")

    def __init__(self, body: Iterable[bytes], request: Request) -> None:
        self._body, self._request = body, request

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
            self._request.ended()
        except GeneratorExit:  # Nobody wants the rest: `close` tells.
            raise
        except BaseException as error:
            self._request.ended(error)
            raise

    def close(self) -> None:
        """What servers call at the end, also of a body that nobody has read."""
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            if not self._request.is_over:
                self._request.ended()
