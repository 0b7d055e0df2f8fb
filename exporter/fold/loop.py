"""The fold's thread: takes batches one by one, and does what others ask of the state in between.

Nobody else touches the state, so nothing needs a lock. Longer work (a scrape's rendering) is a generator
that is advanced by one slice after each batch, so that neither waits for the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Condition, Thread
from typing import Any, Protocol, TypeVar

import structlog

from exporter import conventions as series
from exporter.fold.apply import Fold
from exporter.fold.checkpoint import Snapshot, take
from exporter.fold.gauges import expire
from exporter.fold.state import State
from exporter.types import Batch, Clock, Move, Position

log = structlog.get_logger()

T = TypeVar("T")
Work = Generator[None, None, T]

CATCHING_UP = "catching-up"
"""The part of a position that says: this source's first contact has not ended."""

_MOST_WAITING = 50_000
"""Events; a scrape that is asked for after them waits some 50 ms."""
_TICK_S = 0.25


class Saver(Protocol):
    """Where checkpoints go."""

    def save(self, snapshot: Snapshot) -> None:
        """Queues a snapshot to be written."""


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    result: Future[Any]


class Loop:
    """Feeds the fold from a bounded queue; checkpoints and retracts on the clock."""

    def __init__(
        self,
        fold: Fold,
        clock: Clock,
        positions: dict[str, dict[str, bytes]],
        *,
        checkpoint_interval_s: float = 1.0,
        gauge_ttl_s: float = 300.0,
    ) -> None:
        self.saver: Saver | None = None
        self._fold = fold
        self._clock = clock
        self._checkpoint_interval_s = checkpoint_interval_s
        self._gauge_ttl_s = gauge_ttl_s
        self._positions = positions
        self._room = Condition()
        self._waiting = 0
        self._inbox: SimpleQueue[Batch | _Job | None] = SimpleQueue()
        self._jobs: deque[_Job] = deque()
        self._moves: dict[str, Move] = {}
        self._held = {source for source, parts in positions.items() if CATCHING_UP in parts}
        self._checkpoint_due = 0.0
        self._expiry_due = 0.0
        self._saving = False
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
            _move(self._positions.setdefault(batch.source, {}), batch.move)
        self._inbox.put(batch)

    def position(self, source: str) -> Position:
        """Where the source stands, everything submitted so far included."""
        with self._room:
            return dict(self._positions.get(source, {}))

    def ask(self, work: Callable[[State], Work[T]]) -> Future[T]:
        """Runs work on the state in the fold's thread, slice by slice; the future has what it returns."""
        job = _Job(work(self._fold.state), Future())
        self._inbox.put(job)
        return job.result

    @property
    def holding(self) -> bool:
        """Whether some source's first contact is under way, so that new series stay hidden."""
        return bool(self._held)

    def saved(self, _: Snapshot) -> None:
        """Hears from the journal that the checkpoint is written: the next may be taken."""
        self._saving = False

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
        elif isinstance(item, _Job):
            self._jobs.append(item)
        return item is not None

    def _take(self, batch: Batch) -> None:
        try:
            self._fold.apply(batch)
        except Exception:
            # A defect of ours: one batch is lost and counted; the fold lives, and so do all other events.
            log.exception("a batch could not be folded", source=batch.source)
            self._fold.state.add(series.REJECTED, (batch.source, "internal"), len(batch.events))
        move = dict(batch.move)
        if batch.catching_up is not None:
            move[CATCHING_UP] = b"1" if batch.catching_up else None
            (self._held.add if batch.catching_up else self._held.discard)(batch.source)
        if move:
            self._moves[batch.source] = {**self._moves.get(batch.source, {}), **move}

    def _advance_a_job(self) -> None:
        if not self._jobs:
            return
        job = self._jobs[0]
        if not self._held:
            self._fold.state.place_new()
        try:
            next(job.work)
        except StopIteration as end:
            self._jobs.popleft()
            job.result.set_result(end.value)
        except Exception as error:
            self._jobs.popleft()
            job.result.set_exception(error)

    def _look_at_the_clock(self) -> None:
        now = self._clock()
        if now >= self._expiry_due:
            expire(self._fold.state, now - self._gauge_ttl_s)
            self._expiry_due = now + min(1.0, self._gauge_ttl_s)
        if now >= self._checkpoint_due and not self._saving:
            self._checkpoint(now)

    def _checkpoint(self, now: float) -> None:
        if self.saver is None:
            return
        self._saving = True
        moves, self._moves = self._moves, {}
        self.saver.save(take(self._fold, moves, now))
        self._checkpoint_due = now + self._checkpoint_interval_s

    def _end(self) -> None:
        for job in self._jobs:
            job.result.cancel()
        self._checkpoint(self._clock())


def _move(position: dict[str, bytes], move: Move) -> None:
    for part, value in move.items():
        if value is None:
            position.pop(part, None)
        else:
            position[part] = value
