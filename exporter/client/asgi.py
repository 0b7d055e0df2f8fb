"""Middleware for ASGI applications; the routes of Starlette and FastAPI are understood.

app.add_middleware(AsgiMiddleware, recorder=client, service="shop")
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

from exporter.client.asgi_routes import usual_route
from exporter.client.http_events import HttpEvents, Request
from exporter.client.in_flight import InFlight
from exporter.client.recorder import Recorder, harmless, nothing
from exporter.client.traceparent import TraceParent

Scope = dict[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
RouteOf = Callable[[Scope], str | None]

_ENDS_BODY = "http.response.pathsend"


class AsgiMiddleware:
    """Records each HTTP request of an application, from its first line to its last byte; the rest passes through.

    Give `in_flight` to `Snapshots` to have the requests inside shown, or one of yours to the middleware, where
    the framework makes it. `route_of` reads the template from a request's scope instead.
    """

    def __init__(
        self,
        app: Application,
        recorder: Recorder,
        service: str,
        *,
        route_of: RouteOf | None = None,
        in_flight: InFlight | None = None,
    ) -> None:
        self._app, self._route_of = app, route_of
        self._events = HttpEvents(recorder, service, in_flight)
        self.in_flight = self._events.in_flight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request, or whatever else it is."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # What is mounted inside writes its own `app` and `root_path` over those of the scope.
        outer = scope.get("app") or self._app, scope.get("root_path", "")
        route_of = partial(self._route_of, scope) if self._route_of else partial(usual_route, scope, *outer)
        parent = _parent(scope)
        request = Request(self._events, scope.get("method", ""), parent, route_of)

        def sending(message: Message) -> Awaitable[None]:
            kind = message["type"]
            if kind == "http.response.start":
                request.status = message.get("status", 0)
            elif kind == _ENDS_BODY or (kind == "http.response.body" and not message.get("more_body")):
                return _ending(send(message), request)
            return send(message)

        try:
            await self._app(scope, receive, sending)
        except BaseException as error:
            request.ended(error)
            raise
        finally:
            if not request.is_over:  # Its body has not ended.
                request.ended()
            if parent:
                request.stand_back()


async def _ending(sent: Awaitable[None], request: Request) -> None:
    await sent
    request.ended()


def _parent(scope: Scope) -> TraceParent | None:
    for name, value in scope.get("headers", ()):
        if name == b"traceparent":
            return _parsed(value)
    return None


@harmless(nothing)
def _parsed(value: bytes) -> TraceParent | None:
    return TraceParent.parse(bytes(value).decode("latin-1"))
