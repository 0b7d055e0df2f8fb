"""Where messages end in tests: an HTTP sink in the place of Slack, an SMTP sink in that of a mail server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.servers import LOOPBACK, free_port


class HttpSink(ThreadingHTTPServer):
    """Keeps the JSON body of every POST, and answers `status`."""

    def __init__(self, host: str = LOOPBACK) -> None:
        super().__init__((host, 0), _Keep)
        self.host = host
        self.bodies: list[Any] = []
        self.status = 200

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://{self.host}:{self.server_port}/hook"


class _Keep(BaseHTTPRequestHandler):
    server: HttpSink

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent."""


class SmtpSink:
    """Keeps every message that is mailed to it, parsed."""

    def __init__(self) -> None:
        self.port = free_port()
        self.messages: list[EmailMessage] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a message in; aiosmtpd calls this."""
        content = envelope.content
        assert isinstance(content, bytes)
        self.messages.append(message_from_bytes(content, policy=policy.default))
        return "250 Taken"


@contextmanager
def http_sink(host: str = LOOPBACK) -> Iterator[HttpSink]:
    """An HTTP sink on a free port."""
    sink = HttpSink(host)
    thread = threading.Thread(target=sink.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield sink
    finally:
        sink.shutdown()
        sink.server_close()
        thread.join()


@contextmanager
def smtp_sink(host: str = LOOPBACK) -> Iterator[SmtpSink]:
    """An SMTP sink on a free port."""
    sink = SmtpSink()
    controller = Controller(sink, hostname=host, port=sink.port)
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()
