"""The process: an exporter behind an HTTP server, until it is told to stop."""

from __future__ import annotations

import gc
import signal
import sys

import structlog
from waitress.server import BaseWSGIServer, MultiSocketServer, create_server

from exporter.app import App
from exporter.settings import Settings, SettingsError

log = structlog.get_logger()

_LARGEST_SCRAPE = 64 * 1024 * 1024
"""Bytes of a response that stay in memory; waitress spills what is larger to a file."""

_MOST_CONNECTIONS = 1000
_ENDING = (signal.SIGTERM, signal.SIGINT)


def serve(settings: Settings) -> None:
    """Runs an exporter until SIGTERM or SIGINT.

    Raises:
        SettingsError: the state directory or the address cannot be used.
    """
    # Before all else: as process 1 of a container, Python without a handler never sees a SIGTERM.
    for number in _ENDING:
        signal.signal(number, _leave)
    # A scrape's rendering holds the interpreter for milliseconds; pushes wait for shorter turns.
    sys.setswitchinterval(0.0003)
    app = App(settings)
    server = _listen(app)
    _spare_collections()
    # A signal that comes in between waits, so that what has been started is always stopped.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    app.start()
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        log.info("serving", listen=settings.listen, state_dir=str(settings.state_path))
        server.run()
    finally:
        server.close()
        app.stop()
        # Last: where nobody reads the log any more, this raises.
        log.info("stopped")


def _listen(app: App) -> BaseWSGIServer | MultiSocketServer:
    settings = app.settings
    host, port = settings.address
    try:
        return create_server(
            app.wsgi(),
            host=host,
            port=port,
            threads=settings.threads,
            # Waitress takes a hundred by itself, and idle ones of clients that keep theirs would shut out a scrape.
            connection_limit=_MOST_CONNECTIONS,
            asyncore_use_poll=True,
            ident="exai-exporter",
            max_request_body_size=settings.limits.body_bytes * 2,
            inbuf_overflow=settings.limits.body_bytes * 2,
            outbuf_overflow=_LARGEST_SCRAPE,
            outbuf_high_watermark=_LARGEST_SCRAPE,
            clear_untrusted_proxy_headers=True,
        )
    except OSError as error:
        reason = f"{error.strerror}. Set EXAI_LISTEN to another"
        raise SettingsError(f"listen: {settings.listen} cannot be used: {reason}") from error


def _spare_collections() -> None:
    """What is loaded stays for good: the cycle collector need not stop every thread to look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _leave(*_: object) -> None:
    raise SystemExit(0)
