"""An application with one endpoint: bare, with prometheus-client, and with the middleware, by how the path begins.

`python -m benchmarks.middleware_server FRAMEWORK PORT STEPS EXPORTER`. All in one process: two processes that run the
same code differ by more than a per cent, as their memory lies.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from prometheus_client import Counter, Histogram

from benchmarks.processes import LOOPBACK
from exporter.client.asgi import AsgiMiddleware
from exporter.client.timeouts import TimeoutClient
from exporter.client.wsgi import WsgiMiddleware

_LABELS = ("service", "route", "method", "status")
_ROUTE = "/work/<number>"


_DOCUMENT = json.dumps([{"name": f"item {number}", "price": number * 1.25} for number in range(20)])


def work(steps: int) -> int:
    """Keeps the CPU busy, always for the same number of steps.

    They are taken in C: how fast a loop of Python runs differs by a per cent with how deep in the stack it runs.
    """
    return sum(len(json.loads(_DOCUMENT)) for _ in range(steps))


class Stock:
    """What an application does with prometheus-client alone: a counter and a histogram."""

    def __init__(self) -> None:
        self.requests = Counter("http_requests_total", "Requests.", _LABELS)
        self.duration = Histogram("http_request_duration_seconds", "Seconds of a request.", _LABELS)

    def observe(self, began: float, method: str, status: str) -> None:
        """Counts a request."""
        labels = ("bench", _ROUTE, method, status)
        self.requests.labels(*labels).inc()
        self.duration.labels(*labels).observe(time.perf_counter() - began)

    def wsgi(self, app: Callable[..., Any]) -> Callable[..., Any]:
        """Around a WSGI application."""

        def observed(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            began, told = time.perf_counter(), ["500"]

            def start(status: str, *args: Any) -> Any:
                told[0] = status[:3]
                return start_response(status, *args)

            try:
                return app(environ, start)  # type: ignore[no-any-return]
            finally:
                self.observe(began, environ["REQUEST_METHOD"], told[0])

        return observed

    def asgi(self, app: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        """Around an ASGI application."""

        async def observed(scope: dict[str, Any], receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began, told = time.perf_counter(), ["500"]

            async def sending(message: Any) -> None:
                if message["type"] == "http.response.start":
                    told[0] = str(message["status"])
                await send(message)

            try:
                await app(scope, receive, sending)
            finally:
                self.observe(began, scope["method"], told[0])

        return observed


def serve_flask(port: int, steps: int, exporter: str) -> None:
    """Until the process is ended."""
    from flask import Flask
    from waitress import serve
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    app = Flask("bench")

    @app.post("/work/<number>")
    def endpoint(number: str) -> str:
        return f"{work(steps)} {number}"

    variants: dict[str, Any] = {
        "/bare": app.wsgi_app,
        "/stock": Stock().wsgi(app.wsgi_app),
        "/ours": WsgiMiddleware(app.wsgi_app, TimeoutClient(exporter), "bench"),
    }
    # One at a time, as a worker of gunicorn does: how four threads take turns differs by more than what is measured.
    serve(DispatcherMiddleware(app.wsgi_app, variants), host=LOOPBACK, port=port, threads=1)


def serve_fastapi(port: int, steps: int, exporter: str) -> None:
    """Until the process is ended."""
    import uvicorn
    from fastapi import FastAPI

    app = FastAPI()

    @app.post("/work/{number}")
    async def endpoint(number: str) -> str:
        return f"{work(steps)} {number}"

    variants: dict[str, Any] = {
        "/bare": app,
        "/stock": Stock().asgi(app),
        "/ours": AsgiMiddleware(app, TimeoutClient(exporter), "bench"),
    }

    async def dispatch(scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Unlike mounts, of which the last is found last, this costs each variant the same."""
        scope["root_path"] = scope["path"][: scope["path"].index("/", 1)]
        await variants[scope["root_path"]](scope, receive, send)

    uvicorn.run(dispatch, host=LOOPBACK, port=port, log_level="critical", access_log=False, lifespan="off")


if __name__ == "__main__":
    serve = {"Flask": serve_flask, "FastAPI": serve_fastapi}[sys.argv[1]]
    serve(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
