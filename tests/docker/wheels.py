"""Serves wheels to builds that have no registry."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT = 8099
"""The port that pip.conf of the stand-in for Python names."""


@contextmanager
def served(directory: Path) -> Iterator[None]:
    """Serve a directory to builds, as pip's find-links reads it."""
    server = ThreadingHTTPServer(("0.0.0.0", PORT), partial(_Quiet, directory=str(directory)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent."""
