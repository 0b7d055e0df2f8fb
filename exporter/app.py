"""The only wiring: settings in, a running exporter out."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TextIO

import structlog
from flask import Flask
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from exporter import tokens
from exporter.auditor.alertmanager import Alertmanager
from exporter.auditor.collector import ObservationCollector
from exporter.auditor.postgres_copy import PostgresCopy
from exporter.auditor.routes import Guards, add_auditor
from exporter.auditor.service import Auditor, Watch
from exporter.auditor.store import ObservationStore
from exporter.database.writer import Writer
from exporter.decode.canonical import decode
from exporter.decode.gateway import decode_member
from exporter.decode.postgres_rows import decode_row
from exporter.expose.access import access, bears
from exporter.expose.exposition import Format
from exporter.expose.pages import Page
from exporter.expose.routes import Served, make_app
from exporter.expose.scrape import pages
from exporter.expose.self_metrics import SelfCollector, registry, render_registry
from exporter.fold.apply import Fold
from exporter.fold.checkpoint import Snapshot, read_positions, restore
from exporter.fold.journal import PUSHED, ROW, Journal
from exporter.fold.loop import Loop
from exporter.fold.spool import WRITER, Spool, count_spooled
from exporter.fold.state import State
from exporter.fold.store import StoreError, open_store, pushed_after
from exporter.fold.work import Answer
from exporter.settings import Settings, SettingsError
from exporter.sources.http_push import HttpPush
from exporter.sources.postgres_pool import Pool, make_pool
from exporter.sources.postgres_table import PostgresTable
from exporter.sources.redis_stream import RedisStream
from exporter.sources.redis_zset import RedisZset
from exporter.sources.runner import Runner
from exporter.thresholds.collector import ThresholdCollector
from exporter.thresholds.routes import add_thresholds
from exporter.thresholds.service import Thresholds
from exporter.timeouts.estimator import Estimator
from exporter.timeouts.routes import add_timeouts
from exporter.timeouts.service import TimeoutService
from exporter.timeouts.tokens import TokenCounter, api_key
from exporter.types import Batch, Clock, Decoded, Source, SourceHealth

log = structlog.get_logger()

HOME = Path(__file__).resolve().parent.parent
RUNBOOKS = HOME / "docs" / "runbooks"
THRESHOLDS = HOME / "config" / "thresholds.yml"
STORE = "exporter.sqlite3"
_SCRAPE_WITHIN_S = 30.0


class AlreadyRunning(SettingsError):
    """Another exporter uses the state directory."""


class App:
    """One exporter: the state directory, the threads and the WSGI application."""

    def __init__(self, settings: Settings, clock: Clock = time.time) -> None:
        self.settings = settings
        tokens.make_missing(settings)
        self._lock = _lock(settings.state_path)
        estimator = Estimator(settings.timeouts)
        self._counter = _token_counter(settings)
        self.timeouts = TimeoutService(estimator, self._counter, settings.timeouts)
        fold = Fold(State(settings.budgets), dict(settings.sources), estimator)
        self._connection = _open(settings.state_path / STORE, fold)
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
        fold.spool = _spool(settings, self._connection, positions)
        _replay(self._connection, self.loop, folded_row)
        self.journal = Journal(self._connection, clock, self.loop.submit, self._saved, folded_row)
        self.loop.saver = self.journal
        self.push = HttpPush(
            decode=self._decode,
            append=self.journal.append,
            submit=self.loop.submit,
            takes_pushes=lambda: self.journal.health.takes_pushes(clock()),
            clock=clock,
            inflated_bytes=settings.limits.inflated_bytes,
        )
        self._pool = make_pool(settings.database_url, settings.postgres.pool_size) if settings.database_url else None
        observations = _observations(settings.state_path / STORE)
        self.auditor = Auditor(observations, Alertmanager(settings.alertmanager_url), clock)
        self._watch = Watch(self.auditor)
        self._writer = _writer(settings, clock, self._pool, fold.spool, observations)
        self.sources: list[Source] = [
            self.push,
            *_redis_sources(settings, clock),
            *_postgres_sources(settings, clock, self._pool),
            *([self._writer] if self._writer else []),
        ]
        self.loop.release_all_but([source.name for source in self.sources])
        self.health = {source.name: SourceHealth(clock) for source in self.sources}
        self._runners = [Runner(source, self.loop, self.health[source.name]) for source in self.sources]
        self.thresholds = _thresholds(settings, clock)
        self._registry = registry(
            SelfCollector(fold.state, self.journal.health, self.health, clock, fold.spool),
            ThresholdCollector(self.thresholds),
            ObservationCollector(observations),
        )

    def start(self) -> None:
        """Starts the threads: the state is served and the sources are read from now on."""
        self.loop.start()
        self.journal.start()
        if self._pool:
            self._pool.open()
        for runner in self._runners:
            runner.start()
        self._watch.start()

    def stop(self) -> None:
        """Reads no more, folds what is queued, writes the last checkpoint, and gives the lock back."""
        self._watch.stop()
        for runner in self._runners:
            runner.stop()
        self.loop.stop()
        self.journal.stop()
        self._counter.close()
        if self._pool:
            self._pool.close()
        self.auditor.store.close()
        self._connection.close()
        self._lock.close()

    def wsgi(self) -> Flask:
        """The application to serve."""
        settings = self.settings
        rules = access(
            tokens.read(tokens.token_path(settings), "token_file"),
            on_loopback=settings.on_loopback,
            host=settings.address[0],
            allowed=settings.allowed_hosts,
        )
        served = Served(
            take=self.push.take,
            scrape=self.scrape,
            registry_text=partial(render_registry, self._registry),
            ready=self.waiting_for,
            access=rules,
            body_bytes=settings.limits.body_bytes,
            runbooks=RUNBOOKS,
        )
        application = make_app(served)
        add_timeouts(application, self.timeouts, rules.may_push, settings.limits.body_bytes)
        admin_token = tokens.read(tokens.admin_token_path(settings), "admin_token_file")
        may_administer = partial(bears, admin_token)
        add_thresholds(application, self.thresholds, may_administer, settings.limits.body_bytes)
        add_auditor(application, self.auditor, Guards(rules.may_push, may_administer, settings.limits.body_bytes))
        return application

    def scrape(self, form: Format, squeeze: bool) -> Answer[list[Page]]:
        """The pages of the folded families as they are now; what they show is on its way to the disk."""
        return self.loop.ask(pages(form, squeeze=squeeze)).result(_SCRAPE_WITHIN_S)

    def waiting_for(self) -> list[str]:
        """What has to come before the exporter is ready: sources not tried yet, first contacts under way."""
        waiting = [name for name, health in self.health.items() if not health.tried]
        return waiting or (["first contact"] if self.loop.holding else [])

    def _saved(self, snapshot: Snapshot) -> None:
        for source in self.sources:
            move = snapshot.moves.get(source.name)
            if move:
                source.committed(move)
        if self._writer and snapshot.spooled:
            self._writer.saved()


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


def _postgres_sources(settings: Settings, clock: Clock, pool: Pool | None) -> list[Source]:
    if pool is None:
        return []
    options = settings.postgres
    table = PostgresTable(
        pool,
        decode=decode_row,
        clock=clock,
        first_contact_s=options.first_contact_s,
        poll_interval_s=options.poll_interval_s,
        statement_timeout_s=options.statement_timeout_s,
    )
    return [table]


def _spool(
    settings: Settings, connection: sqlite3.Connection, positions: Mapping[str, Mapping[str, bytes]]
) -> Spool | None:
    """Where what PostgreSQL is to keep waits; None: there is nowhere to keep it."""
    if not settings.database_url or not settings.postgres.spool_events:
        return None
    written = int(positions.get(WRITER, {}).get(ROW, b"0"))
    return Spool(settings.postgres.spool_events, count_spooled(connection, written))


def _writer(
    settings: Settings, clock: Clock, pool: Pool | None, spool: Spool | None, observations: ObservationStore
) -> Writer | None:
    if pool is None or spool is None:
        return None
    timeout_s = settings.postgres.statement_timeout_s
    copy = PostgresCopy(pool, observations, timeout_s)
    return Writer(pool, spool, settings.state_path / STORE, clock=clock, statement_timeout_s=timeout_s, copy=copy)


def _observations(path: Path) -> ObservationStore:
    try:
        return ObservationStore(path)
    except sqlite3.Error as error:
        raise SettingsError(f"state_dir: {path} cannot be used: {error}") from error


def _replay(connection: sqlite3.Connection, loop: Loop, folded: int) -> None:
    """Folds what was acknowledged but not checkpointed; limits that came later refuse none of it."""
    for pushed in pushed_after(connection, folded):
        decoded = decode(pushed.body, pushed.at, ndjson=pushed.ndjson, most=sys.maxsize - 1)
        move = {ROW: str(pushed.row).encode()}
        loop.replay(Batch(PUSHED, decoded.events, move, pushed.at, decoded.rejected))


def _thresholds(settings: Settings, clock: Clock) -> Thresholds:
    file = Path(settings.thresholds_file).expanduser() if settings.thresholds_file else THRESHOLDS
    return Thresholds(file, settings.state_path / "thresholds.json", clock)


def _token_counter(settings: Settings) -> TokenCounter:
    counting = settings.timeouts.tokens
    try:
        return TokenCounter(counting, api_key(counting, os.environ))
    except ValueError as error:
        raise SettingsError(str(error)) from error


def _open(path: Path, fold: Fold) -> sqlite3.Connection:
    """Opens the store and reads the state back."""
    try:
        connection = open_store(path)
        restore(connection, fold)
    except (sqlite3.Error, StoreError) as error:
        raise SettingsError(f"state_dir: {path} cannot be used: {error}") from error
    return connection


def _lock(state_dir: Path) -> TextIO:
    """Holds the state directory's lock until the file is closed or the process ends."""
    file = (state_dir / "lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise AlreadyRunning(f"state_dir: another exporter uses {state_dir}") from error
    return file
