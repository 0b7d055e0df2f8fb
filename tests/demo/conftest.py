"""An exporter's front door that a test can shut."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.servers import LOOPBACK


class Intake(ThreadingHTTPServer):
    """Keeps each POST with its headers; answers the next of `statuses`, 202 when there is none."""

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), _Take)
        self.posts: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.rejected = 0
        self.environment = ""

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://{LOOPBACK}:{self.server_port}"

    def events(self) -> list[dict[str, Any]]:
        """All events that came."""
        return [event for _, _, body in self.posts for event in json.loads(body)]


class _Take(BaseHTTPRequestHandler):
    server: Intake
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, {"status": "ok", "environment": self.server.environment})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, dict(self.headers), body))
        status = self.server.statuses.pop(0) if self.server.statuses else 202
        self._answer(status, {"rejected": self.server.rejected} if status == 202 else {"error": "no"})

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        reply = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent."""


@pytest.fixture
def intake() -> Iterator[Intake]:
    """Stands in the place of an exporter."""
    server = Intake()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
