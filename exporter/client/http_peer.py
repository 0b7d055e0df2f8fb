"""One HTTP server that JSON is posted to."""

from __future__ import annotations

import http.client
import os
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from exporter.client.limited_socket import LimitedSocket, connect

MOST_ANSWERED = 1 << 20
"""Bytes of an answer; a larger one is not read."""


class AwayError(Exception):
    """The server cannot be reached, or did not answer in time, or not in HTTP."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A server's answer."""

    status: int
    body: bytes


class HttpPeer:
    """Posts to one server, from any thread. No redirect is followed and no proxy is used.

    Up to `keeps` connections stay open for the next post. `headers` go with each one.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str] | None = None, keeps: int = 4) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ValueError("a base URL is http:// or https://, a host, and at most a port and a path")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._host = parts.hostname
        self._port = parts.port or (443 if self._tls else 80)
        self._path = parts.path.rstrip("/")
        self._headers = {"Content-Type": "application/json", **(headers or {})}
        self._keeps = keeps
        self._idle: list[http.client.HTTPConnection] = []
        self._process = os.getpid()

    def post(self, path: str, body: bytes, limit_s: float, headers: Mapping[str, str] | None = None) -> Answered:
        """Posts the body, and returns the answer of whatever status.

        Raises:
            AwayError: there was none within `limit_s` seconds, from connecting to the last byte.
        """
        ends = time.monotonic() + limit_s
        try:
            return self._post(path, body, ends, {**self._headers, **(headers or {})})
        except OSError as failure:
            raise AwayError(str(failure) or type(failure).__name__) from failure
        except (http.client.HTTPException, ValueError) as failure:
            raise AwayError(type(failure).__name__) from None  # Its text may hold a header, and that a secret.

    def hang_up(self) -> None:
        """Closes the connections that are kept."""
        while connection := self._kept():
            connection.close()

    def _post(self, path: str, body: bytes, ends: float, headers: Mapping[str, str]) -> Answered:
        kept = self._kept()
        if kept:
            try:
                return self._exchange(kept, path, body, ends, headers)
            except (ConnectionError, http.client.BadStatusLine):
                pass  # The server had hung up meanwhile: that is no answer of its own.
        return self._exchange(self._connected(ends), path, body, ends, headers)

    def _exchange(
        self, connection: http.client.HTTPConnection, path: str, body: bytes, ends: float, headers: Mapping[str, str]
    ) -> Answered:
        limited = cast(LimitedSocket, connection.sock)
        try:
            limited.limit(ends)
            connection.request("POST", self._path + path, body, dict(headers))
            response = connection.getresponse()
            answer = Answered(response.status, response.read(MOST_ANSWERED + 1))
            if len(answer.body) > MOST_ANSWERED:
                raise http.client.HTTPException(f"an answer of more than {MOST_ANSWERED} bytes")
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        return answer

    def _connected(self, ends: float) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        connection = kind(self._host, self._port)
        connection.sock = connect(self._host, self._port, ends, self._tls)
        return connection

    def _kept(self) -> http.client.HTTPConnection | None:
        if self._process != os.getpid():  # A fork shares its parent's connections, and must not speak on them.
            self._process, self._idle = os.getpid(), []
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        if connection.sock is None:
            return
        if len(self._idle) < self._keeps:
            self._idle.append(connection)
        else:
            connection.close()
