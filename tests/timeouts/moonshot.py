"""What stands in the place of Moonshot's token counter, which costs money: a server on a free port."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers import LOOPBACK

KEY = "sk-a-key-that-nobody-may-see"
COUNTED = b'{"code": 0, "data": {"total_tokens": 1500}, "scode": "0x0", "status": true}'


class Moonshot(ThreadingHTTPServer):
    """Keeps what it was asked, and answers as `behave` does; the counter's answer at first."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self._tls = tls
        self.asked: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.authorizations: list[str | None] = []
        self.behave: Callable[[_Handler], None] = answering(200, COUNTED)
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{'https' if self._tls else 'http'}://{LOOPBACK}:{self.server_port}/v1"

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the request's own thread."""
        if self._tls:
            request = self._tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)
        if self._tls:
            request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: callers hang up."""


class _Handler(BaseHTTPRequestHandler):
    server: Moonshot

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.paths.append(self.path)
        self.server.authorizations.append(self.headers["Authorization"])
        self.server.asked.append(json.loads(body))
        self.server.behave(self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent."""


def answering(status: int, body: bytes, headers: dict[str, str] | None = None) -> Callable[[_Handler], None]:
    """Answers so."""

    def behave(handler: _Handler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def silent(handler: _Handler) -> None:
    """Never answers."""
    handler.server.ended.wait(30)


def dripping_headers(handler: _Handler) -> None:
    """Sends a header a few bytes at a time, without an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(handler, b"a")


def dripping_body(handler: _Handler) -> None:
    """Sends a body a byte at a time, without an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    _drip(handler, b" ")


def endless(handler: _Handler) -> None:
    """Sends a body as fast as it goes, without an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    with suppress(OSError):
        while not handler.server.ended.is_set():
            handler.wfile.write(b" " * 65536)


def no_http(handler: _Handler) -> None:
    """Speaks something else."""
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


def _drip(handler: _Handler, drop: bytes) -> None:
    with suppress(OSError):
        while not handler.server.ended.wait(0.02):
            handler.wfile.write(drop)


@contextmanager
def moonshot(tls: ssl.SSLContext | None = None) -> Iterator[Moonshot]:
    """The counter, until the block ends."""
    server = Moonshot(tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
