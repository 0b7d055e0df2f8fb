"""What the exporter serves, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask, Request, Response, abort, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wsgi import wrap_file

from exporter import __version__
from exporter.expose.exposition import CONTENT_TYPES, Format
from exporter.expose.landing import LANDING_PAGE
from exporter.expose.pages import Page, gzipped, joined
from exporter.tokens import matches
from exporter.types import PushedBody, Reply

Scrape = Callable[[Format], list[Page]]

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what: the push token (None: any caller on this machine), and the names we answer to."""

    token: str
    token_required: bool
    hosts: tuple[str, ...]

    def may_push(self, given: Request) -> bool:
        """A wrong token is never right; a missing one is, where only this machine can reach us."""
        header = given.headers.get("Authorization", "")
        if not header:
            return not self.token_required
        scheme, _, token = header.partition(" ")
        return scheme.lower() == "bearer" and matches(token.strip(), self.token)

    def knows_host(self, given: Request) -> bool:
        """Whether the request is addressed to us: a page of another name must not reach loopback."""
        name = given.host.rpartition(":")[0] if not given.host.endswith("]") else given.host
        return (name or given.host).lower() in self.hosts


def access(token: str, *, on_loopback: bool, host: str, allowed: tuple[str, ...]) -> Access:
    """The access rules of an exporter that listens on `host`."""
    return Access(token, not on_loopback, (*_LOOPBACK_NAMES, host, *(name.lower() for name in allowed)))


@dataclass(frozen=True, slots=True)
class Served:
    """What the routes need of the rest."""

    take: Callable[[PushedBody], Reply]
    scrape: Scrape
    registry_text: Callable[[Format], bytes]
    ready: Callable[[], list[str]]
    access: Access
    body_bytes: int
    runbooks: Path


def make_app(served: Served) -> Flask:
    """The WSGI application."""
    app = Flask("exporter", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = served.body_bytes
    app.json.sort_keys = False  # type: ignore[attr-defined]

    @app.before_request
    def check_host() -> None:
        if not served.access.knows_host(request):
            abort(421, "this host name is not among allowed_hosts")

    @app.errorhandler(HTTPException)
    def explain(error: HTTPException) -> tuple[dict[str, Any], int]:
        return {"error": error.description or error.name}, error.code or 500

    _add_intake(app, served)
    _add_exposition(app, served)
    _add_health(app, served)
    return app


def _add_intake(app: Flask, served: Served) -> None:
    @app.post("/api/v1/events")
    def events() -> Response:
        if not served.access.may_push(request):
            abort(401, "the push token is missing or wrong")
        try:
            body = request.get_data(cache=False)
        except RequestEntityTooLarge:
            abort(413, f"the body is larger than {served.body_bytes} bytes")
        given = PushedBody(
            body,
            request.headers.get("Content-Type", ""),
            request.headers.get("Content-Encoding", ""),
            request.headers.get("Idempotency-Key"),
        )
        reply = served.take(given)
        response = Response(reply.body, reply.status, content_type="application/json")
        if reply.retry_after_s:
            response.headers["Retry-After"] = str(reply.retry_after_s)
        return response


def _add_exposition(app: Flask, served: Served) -> None:
    @app.get("/metrics")
    def metrics() -> Response:
        accepted = request.headers.get("Accept", "")
        form = Format.OPENMETRICS if "application/openmetrics-text" in accepted else Format.TEXT
        pages = [*served.scrape(form), Page(served.registry_text(form))]
        squeeze = "gzip" in request.headers.get("Accept-Encoding", "")
        body = gzipped(pages) if squeeze else joined(pages)
        # From a file the server sends as the socket takes it; a plain body it would copy once more.
        file = wrap_file(request.environ, BytesIO(body))
        response = Response(file, content_type=CONTENT_TYPES[form], direct_passthrough=True)
        response.content_length = len(body)
        response.headers["Vary"] = "Accept, Accept-Encoding"
        if squeeze:
            response.headers["Content-Encoding"] = "gzip"
        return response


def _add_health(app: Flask, served: Served) -> None:
    @app.get("/")
    def landing() -> Response:
        return Response(LANDING_PAGE, content_type="text/html; charset=utf-8")

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok", "version": __version__}

    @app.get("/readyz")
    def readyz() -> tuple[dict[str, Any], int]:
        waiting = served.ready()
        return {"ready": not waiting, "waiting_for": waiting}, 503 if waiting else 200

    @app.get("/runbooks/<name>")
    def runbook(name: str) -> Response:
        # Only what is in the directory is ever opened: the name is looked up, not joined.
        known = {path.stem: path for path in served.runbooks.glob("*.md")}
        if name not in known:
            abort(404, "no such runbook")
        return Response(known[name].read_text(encoding="utf-8"), content_type="text/plain; charset=utf-8")
