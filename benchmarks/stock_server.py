"""An application on stock prometheus-client that takes our batches: `python -m benchmarks.stock_server PORT`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import disable_created_metrics, make_wsgi_app

from benchmarks.processes import LOOPBACK
from benchmarks.stock import WithLabels


class _Server(ThreadingMixIn, WSGIServer):
    """The server that prometheus_client.start_http_server starts."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def application(
    stock: WithLabels,
) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    """Counts what is posted; everything else is prometheus_client's own."""
    exposition = make_wsgi_app(stock.metrics.registry)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            return exposition(environ, start_response)  # type: ignore[no-any-return]
        stock.take(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        start_response("202 Accepted", [("Content-Length", "0")])
        return [b""]

    return answer


if __name__ == "__main__":
    # We send no `_created` series either: both sides write the same ones.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    make_server(LOOPBACK, int(sys.argv[1]), application(WithLabels()), _Server, _Quiet).serve_forever()
