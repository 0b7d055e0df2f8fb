"""The fold's thread: takes batches one by one, and does what others ask of the state in between.

Nobody else touches the state, so nothing needs a lock. Longer work (a scrape's rendering) is a generator
that is advanced by one slice after each batch, so that neither waits for the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future
from math import inf
from queue import Empty, SimpleQueue
from threading import Condition, Thread
from typing import Protocol, TypeVar

import structlog

from exporter.fold.apply import Fold
from exporter.fold.checkpoint import Snapshot, take
from exporter.fold.gauges import expire
from exporter.fold.positions import Positions
from exporter.fold.state import State
from exporter.fold.work import Answer, Job, Work, done
from exporter.types import Batch, Clock, Position

log = structlog.get_logger()

T = TypeVar("T")

CATCHING_UP = "catching-up"
"""The part of a position that says: this source's first contact has not ended."""

_MOST_WAITING = 50_000
"""Events; a scrape that is asked for after them waits some 50 ms."""
_TICK_S = 0.25


class Saver(Protocol):
    """Where checkpoints go."""

    @property
    def failing(self) -> bool:
        """Whether none can be written now."""

    def save(self, snapshot: Snapshot) -> None:
        """Queues a snapshot to be written."""


class Loop:
    """Feeds the fold from a bounded queue; checkpoints and retracts on the clock."""

    def __init__(
        self,
        fold: Fold,
        clock: Clock,
        positions: dict[str, dict[str, bytes]],
        *,
        checkpoint_interval_s: float = 5.0,
        gauge_ttl_s: float = 300.0,
    ) -> None:
        self.saver: Saver | None = None
        self._fold = fold
        self._clock = clock
        self._checkpoint_interval_s = checkpoint_interval_s
        self._gauge_ttl_s = gauge_ttl_s
        self._positions = Positions(positions)
        self._room = Condition()
        self._waiting = 0
        self._inbox: SimpleQueue[Batch | Job | None] = SimpleQueue()
        self._jobs: deque[Job] = deque()
        self._held = self._positions.holding(CATCHING_UP)
        self._checkpointed_at = 0.0
        self._expired_at = 0.0
        self._looked_at = inf
        self._saved = done()
        self._thread = Thread(target=self._run, name="fold")

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Folds what is queued, hands over a last checkpoint and ends the thread."""
        self._inbox.put(None)
        self._thread.join()

    def submit(self, batch: Batch) -> None:
        """Queues a batch; waits while the fold is too far behind."""
        with self._room:
            self._room.wait_for(lambda: self._waiting < _MOST_WAITING)
            self._waiting += len(batch.events)
            self._positions.submitted(batch.source, batch.move)
        self._inbox.put(batch)

    def position(self, source: str) -> Position:
        """Where the source stands, everything submitted so far included."""
        with self._room:
            return self._positions.of(source)

    def ask(self, work: Callable[[State], Work[T]]) -> Future[Answer[T]]:
        """Runs work on the state in the fold's thread, slice by slice, and checkpoints what it has seen."""
        job = Job(work(self._fold.state), Future())
        self._inbox.put(job)
        return job.result

    @property
    def holding(self) -> bool:
        """Whether some source's first contact is under way, so that its new series stay hidden."""
        return bool(self._held)

    def release_all_but(self, sources: Collection[str]) -> None:
        """Before the start: lets nothing stay hidden for a source that is not read any more."""
        for source in self._held - set(sources):
            self._release(source)

    def replay(self, batch: Batch) -> None:
        """Folds a batch of the journal before the thread starts."""
        self._take(batch)

    def _run(self) -> None:
        running = True
        while running:
            running = self._take_one()
            self._advance_a_job()
            self._look_at_the_clock()
        self._end()

    def _take_one(self) -> bool:
        try:
            item = self._inbox.get_nowait() if self._jobs else self._inbox.get(timeout=_TICK_S)
        except Empty:
            return True
        if isinstance(item, Batch):
            self._take(item)
            with self._room:
                self._waiting -= len(item.events)
                self._room.notify()
        elif isinstance(item, Job):
            self._jobs.append(item)
        return item is not None

    def _take(self, batch: Batch) -> None:
        if batch.catching_up:
            self._held.add(batch.source)
        self._fold.state.holder = batch.source if batch.source in self._held else ""
        try:
            self._fold.apply(batch)
        except Exception:
            # A defect of ours: one batch is lost and counted; the fold lives, and so do all other events.
            log.exception("a batch could not be folded", source=batch.source)
            self._fold.give_up(batch)
        self._positions.folded(batch.source, batch.move)
        if batch.catching_up:
            self._positions.folded(batch.source, {CATCHING_UP: b"1"})
        elif batch.catching_up is False and batch.source in self._held:
            self._release(batch.source)

    def _release(self, source: str) -> None:
        self._held.discard(source)
        self._fold.state.release(source)
        self._positions.folded(source, {CATCHING_UP: None})

    def _advance_a_job(self) -> None:
        if not self._jobs:
            return
        job = self._jobs[0]
        try:
            next(job.work)
        except StopIteration as end:
            self._jobs.popleft()
            job.result.set_result(Answer(end.value, self._checkpoint(self._clock())))
        except Exception as error:
            self._jobs.popleft()
            job.result.set_exception(error)

    def _look_at_the_clock(self) -> None:
        now = self._clock()
        if now < self._looked_at:
            # The clock was set back, or this is the first look at what was saved.
            self._fold.state.forget_created_after(now)
        self._looked_at = now
        # Either way: a clock that is set back must not stop what is done by it.
        if abs(now - self._expired_at) >= min(1.0, self._gauge_ttl_s):
            expire(self._fold.state, now - self._gauge_ttl_s)
            self._expired_at = now
        due = abs(now - self._checkpointed_at) >= self._checkpoint_interval_s
        if (due or any(spool.wants_a_checkpoint for spool in self._fold.spools)) and self._saved.done():
            self._checkpoint(now)

    def _checkpoint(self, now: float) -> Future[None]:
        """Hands a checkpoint over, unless one waits that cannot be written: then the unsaved stays where it is."""
        if self.saver is None or (self.saver.failing and not self._saved.done()):
            return done()
        snapshot = take(self._fold, self._positions.take_folded(), now)
        self._saved, self._checkpointed_at = snapshot.written, now
        self.saver.save(snapshot)
        return snapshot.written

    def _end(self) -> None:
        for job in self._jobs:
            job.result.cancel()
        self._checkpoint(self._clock())
