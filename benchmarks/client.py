"""A thrifty HTTP client, so that the measured server gets the machine."""

from __future__ import annotations

import gzip
import socket
import time
import uuid
from types import TracebackType
from typing import NamedTuple

from benchmarks.processes import LOOPBACK

_LARGEST_SCRAPE = 64 * 1024 * 1024
_TIMEOUT_S = 60.0


class Refused(RuntimeError):
    """The server did not take what it was to take."""


class Connection:
    """A kept-alive connection that documents are posted over, batches of events if nothing else is said."""

    def __init__(self, port: int, path: str = "/api/v1/events") -> None:
        self._socket = socket.create_connection((LOOPBACK, port), timeout=_TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host = f"{LOOPBACK}:{port}"
        self.posts_to(path)

    def posts_to(self, path: str) -> None:
        """Has what is pushed from now on go to another path."""
        self._head = f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"

    def push(self, batch: bytes) -> None:
        """Returns once the document is answered; Refused if it is not taken."""
        self.send(batch)
        self.answered()

    def send(self, batch: bytes) -> None:
        """The first half of `push`."""
        head = f"{self._head}Idempotency-Key: {uuid.uuid4().hex}\r\nContent-Length: {len(batch)}\r\n\r\n"
        self._socket.sendall(head.encode() + batch)

    def answered(self) -> None:
        """The second half of `push`."""
        reply = self._reply()
        if not reply.split(maxsplit=2)[1].startswith(b"2"):
            raise Refused(reply.decode(errors="replace"))

    def _reply(self) -> bytes:
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._receive()
        length = int(received[:end].lower().partition(b"content-length:")[2].split()[0])
        while len(received) < end + 4 + length:
            received += self._receive()
        return received

    def _receive(self) -> bytes:
        part = self._socket.recv(65536)
        if not part:
            raise Refused("the server hung up")
        return part

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()


class Scraped(NamedTuple):
    """The monotonic times at which a scrape began and ended (seconds), and its body."""

    began: float
    ended: float
    body: bytes

    @property
    def took_ms(self) -> float:
        """Milliseconds from the first byte asked to the last received."""
        return (self.ended - self.began) * 1000

    @property
    def text(self) -> str:
        """The body, unpacked if it is gzip."""
        return (gzip.decompress(self.body) if self.body.startswith(b"\x1f\x8b") else self.body).decode()

    @property
    def series(self) -> int:
        """How many samples it holds."""
        return sum(not line.startswith("#") for line in self.text.splitlines())


class Scraper:
    """Reads /metrics into one buffer that is there from the start."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._buffer = memoryview(bytearray(_LARGEST_SCRAPE))

    def scrape(self, *, squeeze: bool) -> Scraped:
        """One scrape over a connection of its own; Refused if it does not answer 200."""
        accept = "Accept-Encoding: gzip\r\n" if squeeze else ""
        request = f"GET /metrics HTTP/1.0\r\nHost: {LOOPBACK}:{self._port}\r\n{accept}\r\n".encode()
        began = time.monotonic()
        with socket.create_connection((LOOPBACK, self._port), timeout=_TIMEOUT_S) as connection:
            connection.sendall(request)
            length = 0
            while received := connection.recv_into(self._buffer[length:]):
                length += received
        ended = time.monotonic()
        head, _, body = bytes(self._buffer[:length]).partition(b"\r\n\r\n")
        if head.split(maxsplit=2)[1] != b"200":
            raise Refused(head.decode(errors="replace"))
        return Scraped(began, ended, body)
