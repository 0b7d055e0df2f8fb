"""The only wiring: settings in, a running exporter out."""

from __future__ import annotations

import time
from concurrent.futures import wait
from contextlib import nullcontext
from functools import partial

import structlog
from flask import Flask

from exporter import tokens
from exporter.auditor.alertmanager import Alertmanager
from exporter.auditor.collector import ObservationCollector
from exporter.auditor.routes import Guards, add_auditor
from exporter.auditor.service import Auditor, Watch
from exporter.decode.canonical import decode
from exporter.expose.access import access, bears
from exporter.expose.conversations import Deleted, add_conversations
from exporter.expose.exposition import Format
from exporter.expose.pages import Page
from exporter.expose.recent_events import add_recent_events
from exporter.expose.routes import SHOWN_UNSAVED_AFTER_S, Served, make_app
from exporter.expose.scrape import pages
from exporter.expose.self_metrics import SelfCollector, registry, render_registry
from exporter.fold.apply import Fold
from exporter.fold.checkpoint import Snapshot, read_positions
from exporter.fold.journal import PUSHED, ROW, Journal
from exporter.fold.loop import Loop
from exporter.fold.recent import Entries, RecentEvents
from exporter.fold.state import State
from exporter.fold.work import Answer, Work
from exporter.parts import (
    docs,
    make_announcer,
    make_postgres_sources,
    make_redis_sources,
    make_selection,
    make_spools,
    make_thresholds,
    make_token_counter,
    make_writer,
    read_prices,
)
from exporter.prices.collector import PriceCollector
from exporter.settings import Settings
from exporter.sources.http_push import HttpPush
from exporter.sources.postgres_pool import make_pool
from exporter.sources.runner import Runner
from exporter.state_dir import STORE, delete_from_store, lock, open_observations, open_state, replay
from exporter.thresholds.collector import ThresholdCollector
from exporter.thresholds.routes import add_thresholds
from exporter.timeouts.estimator import Estimator
from exporter.timeouts.routes import add_timeouts
from exporter.timeouts.service import TimeoutService
from exporter.types import Clock, Decoded, Source, SourceHealth, SourceState, StoreFull

log = structlog.get_logger()

_SCRAPE_WITHIN_S = 30.0


class App:
    """One exporter: the state directory, the threads and the WSGI application."""

    def __init__(self, settings: Settings, clock: Clock = time.time) -> None:
        self.settings = settings
        self._clock = clock
        prices = read_prices(settings)
        self._docs = docs()
        tokens.make_missing(settings)
        announcer = make_announcer(settings)
        self._lock = lock(settings.state_path)
        estimator = Estimator(settings.timeouts)
        self._counter = make_token_counter(settings)
        self.timeouts = TimeoutService(estimator, self._counter, settings.timeouts)
        self.recent = RecentEvents()
        self._fold = fold = Fold(
            State(settings.budgets),
            dict(settings.sources),
            estimator,
            recent=self.recent,
            selection=make_selection(settings),
        )
        self._connection = open_state(settings.state_path / STORE, fold)
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
        fold.spools = make_spools(settings, self._connection, positions)
        replay(self._connection, self.loop, folded_row)
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
        observations = open_observations(settings.state_path / STORE)
        self.auditor = Auditor(observations, Alertmanager(settings.alertmanager_url), clock, announcer)
        self._watch = Watch(self.auditor)
        self._writer = make_writer(settings, clock, self._pool, fold.spools, observations, prices)
        self.sources: list[Source] = [
            self.push,
            *make_redis_sources(settings, clock),
            *make_postgres_sources(settings, clock, self._pool),
            *([self._writer] if self._writer else []),
        ]
        self.loop.release_all_but([source.name for source in self.sources])
        self.health = {source.name: SourceHealth(clock) for source in self.sources}
        self._runners = [Runner(source, self.loop, self.health[source.name]) for source in self.sources]
        self.thresholds = make_thresholds(settings, clock)
        self._registry = registry(
            SelfCollector(fold.state, self.journal.health, self.health, clock, settings.state_path, fold.spools),
            ThresholdCollector(self.thresholds),
            PriceCollector(prices),
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
        self.auditor.announcer.close()
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
            sources=self.source_states,
            access=rules,
            body_bytes=settings.limits.body_bytes,
            docs=self._docs,
            environment=settings.environment,
        )
        application = make_app(served)
        add_timeouts(application, self.timeouts, rules.may_push, settings.limits.body_bytes)
        admin_token = tokens.read(tokens.admin_token_path(settings), "admin_token_file")
        may_administer = partial(bears, admin_token)
        add_thresholds(application, self.thresholds, may_administer, settings.limits.body_bytes)
        add_conversations(application, self.delete_conversation, may_administer, settings.limits.body_bytes)
        add_recent_events(application, self.recent.boot, self.recent_events, may_administer)
        add_auditor(application, self.auditor, Guards(rules.may_push, may_administer, settings.limits.body_bytes))
        return application

    def scrape(self, form: Format, squeeze: bool) -> Answer[list[Page]]:
        """The pages of the folded families as they are now; what they show is on its way to the disk."""
        return self.loop.ask(pages(form, squeeze=squeeze)).result(_SCRAPE_WITHIN_S)

    def recent_events(self, after: int, limit: int) -> Entries:
        """Return the newest events; a restart does not bring again what is returned here, because it is on disk."""
        self.recent.read_at = self._clock()
        if self.recent.newest <= after:
            return Entries([], 0, self.recent.newest)
        answer = self.loop.ask(partial(_read_recent, self.recent, after, limit)).result(_SCRAPE_WITHIN_S)
        wait([answer.saved], SHOWN_UNSAVED_AFTER_S)
        return answer.value

    def delete_conversation(self, conversation: str) -> Deleted:
        """Delete what is held of a conversation, by its pseudonym, in memory and in the spool.

        Raises:
            StoreFull: what is in memory could not be brought to the disk, to be deleted there.
        """
        work = partial(_delete_in_memory, self._fold, self.recent, conversation)
        answer = self.loop.ask(work).result(_SCRAPE_WITHIN_S)
        wait([answer.saved], _SCRAPE_WITHIN_S)
        if not answer.saved.done():
            raise StoreFull("the store takes no writes now")
        with self._writer.writing if self._writer else nullcontext():
            return Deleted(answer.value, delete_from_store(self.settings.state_path / STORE, conversation))

    def waiting_for(self) -> list[str]:
        """What has to come before the exporter is ready: sources not tried yet, first contacts under way."""
        waiting = [name for name, health in self.health.items() if not health.tried]
        return waiting or (["first contact"] if self.loop.holding else [])

    def source_states(self) -> list[SourceState]:
        """Return the state of each source."""
        return [SourceState(name, health.state, health.detail) for name, health in self.health.items()]

    def _saved(self, snapshot: Snapshot) -> None:
        for source in self.sources:
            move = snapshot.moves.get(source.name)
            if move:
                source.committed(move)
        if self._writer and snapshot.spooled:
            self._writer.saved()


def _read_recent(recent: RecentEvents, after: int, limit: int, _: State) -> Work[Entries]:
    yield
    return recent.after(after, limit)


def _delete_in_memory(fold: Fold, recent: RecentEvents, conversation: str, _: State) -> Work[int]:
    yield
    fold.first_calls.delete(conversation)
    return recent.delete(conversation)


def _decode(body: bytes, now: float, ndjson: bool, *, most: int) -> Decoded:
    return decode(body, now, ndjson=ndjson, most=most)
