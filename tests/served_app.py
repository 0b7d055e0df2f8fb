"""A WSGI application behind the server of the exporter, in a thread of the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from tests.servers import LOOPBACK


@contextmanager
def served_app(app: Any, port: int = 0) -> Iterator[str]:
    """Serves until the block ends; the URL. Port 0 is any that is free."""
    sockets: dict[int, Any] = {}
    server: Any = create_server(app, map=sockets, host=LOOPBACK, port=port, threads=4)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.effective_port}"
    finally:
        server.task_dispatcher.shutdown()  # First: what still answers would wake a server that has closed.
        with suppress(OSError):  # It may hear of its end, and close what is to wake it, before it is woken.
            server.trigger.pull_trigger(lambda: wasyncore.close_all(sockets))
        thread.join()
