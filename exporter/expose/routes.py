"""What the exporter serves, and to whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask, Request, Response, abort, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse
from werkzeug.wsgi import wrap_file

from exporter import __version__
from exporter.expose.access import Access
from exporter.expose.exposition import CONTENT_TYPES, Format
from exporter.expose.intake import EventsEndpoint
from exporter.expose.landing import LANDING_PAGE
from exporter.expose.pages import Page, gzipped, joined
from exporter.expose.precedence import Precedence
from exporter.fold.work import Answer
from exporter.types import PushedBody, Reply, SourceState

Scrape = Callable[[Format, bool], Answer[list[Page]]]

SHOWN_UNSAVED_AFTER_S = 2.0
"""A scrape waits so long for what it shows to be on disk, so that no counter falls in a crash; then it answers."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the routes need of the rest."""

    take: Callable[[PushedBody], Reply]
    scrape: Scrape
    registry_text: Callable[[Format], bytes]
    ready: Callable[[], list[str]]
    sources: Callable[[], list[SourceState]]
    access: Access
    body_bytes: int
    docs: Path
    environment: str


def make_app(served: Served) -> Flask:
    """The WSGI application."""
    app = Flask("exporter", static_folder=None)
    precedence = Precedence()
    app.wsgi_app = EventsEndpoint(  # type: ignore[method-assign]
        app.wsgi_app, served.take, served.access, served.body_bytes, precedence
    )

    @app.before_request
    def check_host() -> None:
        if not served.access.knows_host(request.host):
            abort(421, "this host name is not among allowed_hosts")

    @app.errorhandler(HTTPException)
    def explain(error: HTTPException) -> WerkzeugResponse:
        response = error.get_response()
        response.data = json.dumps({"error": error.description or error.name})
        response.content_type = "application/json"
        return response

    _add_exposition(app, served, precedence)
    _add_health(app, served)
    return app


def _add_exposition(app: Flask, served: Served, precedence: Precedence) -> None:
    @app.get("/metrics")
    def metrics() -> Response:
        form = _format(request)
        squeeze = request.accept_encodings.quality("gzip") > 0
        with precedence.of_a_scrape():
            answer = served.scrape(form, squeeze)
            pages = [*answer.value, Page(served.registry_text(form))]
            body = gzipped(pages) if squeeze else joined(pages)
        wait([answer.saved], SHOWN_UNSAVED_AFTER_S)
        # From a file the server sends as the socket takes it; a plain body it would copy once more.
        file = wrap_file(request.environ, BytesIO(body))
        response = Response(file, content_type=CONTENT_TYPES[form], direct_passthrough=True)
        response.content_length = len(body)
        response.headers["Vary"] = "Accept, Accept-Encoding"
        if squeeze:
            response.headers["Content-Encoding"] = "gzip"
        return response


def _format(given: Request) -> Format:
    """The format to answer in; a Prometheus that stores creation times is known by its preference for protobuf."""
    openmetrics, protobuf = (
        max((quality for name, quality in given.accept_mimetypes if name.startswith(wanted)), default=0)
        for wanted in ("application/openmetrics-text", "application/vnd.google.protobuf")
    )
    if not openmetrics:
        return Format.TEXT
    return Format.OPENMETRICS_READ_AHEAD if protobuf > openmetrics else Format.OPENMETRICS


def _add_health(app: Flask, served: Served) -> None:
    @app.get("/")
    def landing() -> Response:
        return Response(LANDING_PAGE, content_type="text/html; charset=utf-8")

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok", "version": __version__, "environment": served.environment}

    @app.get("/readyz")
    def readyz() -> tuple[dict[str, Any], int]:
        waiting = served.ready()
        sources = [source._asdict() for source in served.sources()]
        return {"ready": not waiting, "waiting_for": waiting, "sources": sources}, 503 if waiting else 200

    @app.get("/docs/<name>")
    def page(name: str) -> Response:
        return _page(served.docs, name)

    @app.get("/runbooks/<name>")
    def runbook(name: str) -> Response:
        return _page(served.docs / "runbooks", name)


def _page(directory: Path, name: str) -> Response:
    # Only what is in the directory is ever opened: the name is looked up, not joined.
    known = {path.stem: path for path in directory.glob("*.md")}
    if name not in known:
        abort(404, "no such page")
    return Response(known[name].read_text(encoding="utf-8"), content_type="text/plain; charset=utf-8")
