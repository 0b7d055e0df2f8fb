"""The only wiring: settings in, a running exporter out."""

from __future__ import annotations

import fcntl
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TextIO

import structlog
from flask import Flask
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from waitress.server import create_server

from exporter import tokens
from exporter.decode.canonical import decode
from exporter.decode.gateway import decode_member
from exporter.expose.exposition import Format
from exporter.expose.pages import Page
from exporter.expose.routes import Served, access, make_app
from exporter.expose.scrape import pages
from exporter.expose.self_metrics import SelfCollector, registry, render_registry
from exporter.fold.apply import Fold
from exporter.fold.checkpoint import Snapshot, read_positions, restore
from exporter.fold.journal import PUSHED, ROW, Journal
from exporter.fold.loop import Loop
from exporter.fold.state import State
from exporter.fold.store import open_store, pushed_after
from exporter.settings import Settings, SettingsError
from exporter.sources.http_push import HttpPush
from exporter.sources.redis_stream import RedisStream
from exporter.sources.redis_zset import RedisZset
from exporter.sources.runner import Runner
from exporter.types import Batch, Clock, Decoded, Source, SourceHealth

log = structlog.get_logger()

RUNBOOKS = Path(__file__).resolve().parent.parent / "docs" / "runbooks"
STORE = "exporter.sqlite3"
_SCRAPE_WITHIN_S = 30.0
_LARGEST_SCRAPE = 64 * 1024 * 1024
"""Bytes of a response that stay in memory; waitress spills what is larger to a file."""


class AlreadyRunning(SettingsError):
    """Another exporter uses the state directory."""


class App:
    """One exporter: the state directory, the threads and the WSGI application."""

    def __init__(self, settings: Settings, clock: Clock = time.time) -> None:
        self.settings = settings
        tokens.make_missing(settings)
        self._lock = _lock(settings.state_path)
        self._connection = open_store(settings.state_path / STORE)
        fold = Fold(State(settings.budgets), dict(settings.sources))
        restore(self._connection, fold)
        positions = read_positions(self._connection)
        folded_row = int(positions.get(PUSHED, {}).get(ROW, b"0"))
        self.loop = Loop(
            fold,
            clock,
            positions,
            checkpoint_interval_s=settings.checkpoint_interval_s,
            gauge_ttl_s=settings.gauge_ttl_s,
        )
        self._decode = partial(_decode, most=settings.limits.batch_events)
        _replay(self._connection, self.loop, folded_row, self._decode)
        self.journal = Journal(self._connection, clock, self.loop.submit, self._saved, folded_row)
        self.loop.saver = self.journal
        self.push = HttpPush(
            decode=self._decode,
            append=self.journal.append,
            submit=self.loop.submit,
            failing=lambda: self.journal.health.failing,
            clock=clock,
            inflated_bytes=settings.limits.inflated_bytes,
        )
        self.sources: list[Source] = [self.push, *_redis_sources(settings, clock)]
        self.health = {source.name: SourceHealth(clock) for source in self.sources}
        self._runners = [Runner(source, self.loop, self.health[source.name]) for source in self.sources]
        self._registry = registry(SelfCollector(fold.state, self.journal.health, self.health, clock))

    def start(self) -> None:
        """Starts the threads: the state is served and the sources are read from now on."""
        self.loop.start()
        self.journal.start()
        for runner in self._runners:
            runner.start()

    def stop(self) -> None:
        """Reads no more, folds what is queued, writes the last checkpoint, and gives the lock back."""
        for runner in self._runners:
            runner.stop()
        self.loop.stop()
        self.journal.stop()
        self._connection.close()
        self._lock.close()

    def wsgi(self) -> Flask:
        """The application to serve."""
        settings = self.settings
        token = tokens.read(tokens.token_path(settings), "token_file")
        return make_app(
            Served(
                take=self.push.take,
                scrape=self.scrape,
                registry_text=partial(render_registry, self._registry),
                ready=self.waiting_for,
                access=access(
                    token,
                    on_loopback=settings.on_loopback,
                    host=settings.address[0],
                    allowed=settings.allowed_hosts,
                ),
                body_bytes=settings.limits.body_bytes,
                runbooks=RUNBOOKS,
            )
        )

    def scrape(self, form: Format) -> list[Page]:
        """The pages of the folded families as they are now."""
        return self.loop.ask(pages(form)).result(_SCRAPE_WITHIN_S)

    def waiting_for(self) -> list[str]:
        """What has to come before the exporter is ready: sources not tried yet, first contacts under way."""
        waiting = [name for name, health in self.health.items() if not health.tried]
        return waiting or (["first contact"] if self.loop.holding else [])

    def _saved(self, snapshot: Snapshot) -> None:
        self.loop.saved(snapshot)
        for source in self.sources:
            move = snapshot.moves.get(source.name)
            if move:
                source.committed(move)


def serve(settings: Settings) -> None:
    """Runs an exporter until SIGTERM or SIGINT."""
    # A scrape's rendering holds the interpreter for milliseconds; pushes wait for shorter turns.
    sys.setswitchinterval(0.001)
    app = App(settings)
    host, port = settings.address
    server = create_server(
        app.wsgi(),
        host=host,
        port=port,
        threads=settings.threads,
        ident="exai-exporter",
        max_request_body_size=settings.limits.body_bytes * 2,
        inbuf_overflow=settings.limits.body_bytes * 2,
        outbuf_overflow=_LARGEST_SCRAPE,
        outbuf_high_watermark=_LARGEST_SCRAPE,
        clear_untrusted_proxy_headers=True,
    )
    app.start()
    log.info("serving", listen=settings.listen, state_dir=str(settings.state_path))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        server.run()
    except SystemExit:
        log.info("stopping")
    finally:
        server.close()
        app.stop()


def _leave(*_: object) -> None:
    raise SystemExit(0)


def _decode(body: bytes, now: float, ndjson: bool, *, most: int) -> Decoded:
    return decode(body, now, ndjson=ndjson, most=most)


def _redis_sources(settings: Settings, clock: Clock) -> list[Source]:
    if not settings.redis_url:
        return []
    # Each source has its own back-off, and a silent reconnect would hide that Redis was restarted.
    client = Redis.from_url(
        settings.redis_url, retry=Retry(NoBackoff(), 0), socket_timeout=10, socket_connect_timeout=5
    )
    options = settings.redis
    zset = RedisZset(
        client,
        decode=decode_member,
        clock=clock,
        look_back_s=options.look_back_s,
        first_contact_s=options.first_contact_s,
        poll_interval_s=options.poll_interval_s,
    )
    if not options.stream:
        return [zset]
    stream = RedisStream(
        client,
        stream=options.stream,
        group=options.group,
        decode=partial(decode, most=settings.limits.batch_events),
        clock=clock,
    )
    return [zset, stream]


def _replay(
    connection: sqlite3.Connection, loop: Loop, folded: int, read: Callable[[bytes, float, bool], Decoded]
) -> None:
    """Folds what was acknowledged but not checkpointed."""
    for pushed in pushed_after(connection, folded):
        decoded = read(pushed.body, pushed.at, pushed.ndjson)
        move = {ROW: str(pushed.row).encode()}
        loop.replay(Batch(PUSHED, decoded.events, move, pushed.at, decoded.rejected))


def _lock(state_dir: Path) -> TextIO:
    """Holds the state directory's lock until the file is closed or the process ends."""
    file = (state_dir / "lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise AlreadyRunning(f"state_dir: another exporter uses {state_dir}") from error
    return file
