"""Sockets on which everything together ends at one moment: a server that answers drop by drop gains nothing."""

from __future__ import annotations

import encodings.idna  # noqa: F401 - to look up a name needs it, and a fork amid an import would leave it half done
import io
import socket
import ssl
import time


class LimitedSocket:
    """A connected socket, as `http.client` uses one; `limit` says when the exchange that now begins must be over."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._ends = 0.0

    def limit(self, ends: float) -> None:
        """From that moment of the monotonic clock on, whatever is under way raises TimeoutError."""
        self._ends = ends

    def left_s(self) -> float:
        """Seconds until then; TimeoutError when there are none."""
        return _left_s(self._ends)

    def sendall(self, data: bytes) -> None:
        """Sends all of it."""
        self._socket.settimeout(self.left_s())
        self._socket.sendall(data)

    def makefile(self, _mode: str = "rb") -> io.BufferedReader:
        """What an answer is read from."""
        return io.BufferedReader(_LimitedReader(self, self._socket))

    def settimeout(self, seconds: float) -> None:
        """Sets how long the next step may wait."""
        self._socket.settimeout(seconds)

    def close(self) -> None:
        """Hangs up, once what `makefile` gave is closed too."""
        self._socket.close()


class _LimitedReader(io.RawIOBase):
    def __init__(self, limited: LimitedSocket, connected: socket.socket) -> None:
        self._limited = limited
        self._raw = connected.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int | None:  # type: ignore[override]
        self._limited.settimeout(self._limited.left_s())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def connect(host: str, port: int, ends: float, tls: ssl.SSLContext | None) -> LimitedSocket:
    """Connects to the first address of the host that answers, encrypted where `tls` is given.

    Raises:
        OSError: none answers; TimeoutError when that moment has come. Looking a name up takes what it takes.
    """
    connected = _first_answering(host, port, ends)
    try:
        if tls:
            connected.settimeout(_left_s(ends))
            connected = tls.wrap_socket(connected, server_hostname=host)
    except BaseException:
        connected.close()
        raise
    limited = LimitedSocket(connected)
    limited.limit(ends)
    return limited


def _first_answering(host: str, port: int, ends: float) -> socket.socket:
    failure = OSError(f"{host} has no address")
    for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            connected = socket.create_connection((str(address[0]), port), _left_s(ends))
        except OSError as error:
            failure = error
        else:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connected
    raise failure


def _left_s(ends: float) -> float:
    left_s = ends - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("the time is over")
    return left_s
