"""POST /api/v1/events, in front of Flask: a gateway pushes hundreds of times a second, and Flask's work on a
request would cost more than the events' own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from exporter.expose.access import Access
from exporter.expose.precedence import Precedence
from exporter.types import PushedBody, Reply

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATH = "/api/v1/events"

_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class EventsEndpoint:
    """WSGI middleware that answers for one path and leaves all others to the application behind it."""

    def __init__(
        self,
        behind: WSGIApplication,
        take: Callable[[PushedBody], Reply],
        access: Access,
        body_bytes: int,
        precedence: Precedence,
    ) -> None:
        self._behind = behind
        self._take = take
        self._access = access
        self._body_bytes = body_bytes
        self._precedence = precedence

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request."""
        if environ["PATH_INFO"] != PATH:
            return self._behind(environ, start_response)
        self._precedence.stand_back()
        reply = self._refuse(environ) or self._take(_pushed(environ))
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(reply.body))), *reply.headers]
        start_response(_STATUS_LINES[reply.status], headers)
        return [reply.body]

    def _refuse(self, environ: WSGIEnvironment) -> Reply | None:
        if not self._access.knows_host(environ.get("HTTP_HOST", "")):
            return _error(421, "this host name is not among allowed_hosts")
        if environ["REQUEST_METHOD"] != "POST":
            return _error(405, "events are pushed with POST", ("Allow", "POST"))
        if not self._access.may_push(environ.get("HTTP_AUTHORIZATION", "")):
            return _error(401, "the push token is missing or wrong", ("WWW-Authenticate", "Bearer"))
        if int(environ.get("CONTENT_LENGTH") or 0) > self._body_bytes:
            return _error(413, f"the body is larger than {self._body_bytes} bytes")
        return None


def _pushed(environ: WSGIEnvironment) -> PushedBody:
    return PushedBody(
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)),
        environ.get("CONTENT_TYPE", ""),
        environ.get("HTTP_CONTENT_ENCODING", ""),
        environ.get("HTTP_IDEMPOTENCY_KEY"),
    )


def _error(status: int, message: str, *headers: tuple[str, str]) -> Reply:
    return Reply(status, msgspec.json.encode({"error": message}), headers)
