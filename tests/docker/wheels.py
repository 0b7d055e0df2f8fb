"""The wheels of requirements.lock, for builds that have no registry."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.docker import cache
from tests.servers import ROOT

PORT = 8099
"""The port that pip.conf of the stand-in for Python names."""

_LOCK = ROOT / "requirements.lock"


def downloaded() -> Path:
    """Return a directory with the wheels of the lock for the image's Python."""
    return cache.kept("wheels", cache.digest(_LOCK.read_bytes()), _download)


def _download(target: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    command += ["--only-binary", ":all:", "--python-version", "3.11", "--dest", str(target), "-r", str(_LOCK)]
    # supervisor has no wheel of its platform's tag, but one for any.
    subprocess.run(command, check=True)


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
