"""The way of an event from the thread that records it to memory and, behind that, to where it is sent."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from operator import itemgetter

from exporter.client.forks import begin_in_every_process
from exporter.client.ledger import Arrived, Ledger, Step
from exporter.client.outlet import Outlet
from exporter.client.recorded import Recorded
from exporter.client.recorder import harmless, nothing

MOST_NOTES = 20_000
"""Notes that wait for memory; who makes one more helps to take some in."""

_HELPED, _AT_ONCE = 1000, 2000
_TICK_S, _IDLE_TICKS = 0.1, 50
_HELP_WITHIN_S, _START_WITHIN_S = 1.0, 0.1


class Arrivals:
    """Takes notes of events; a thread takes them into the ledger and hands them to the outlet.

    A note costs its maker an append to `notes`, and a call of `attend` where that is not `attended`. In order of time,
    and at the latest when somebody asks, each is counted in the ledger; `dropped` are those that the outlet had no
    room for. The thread ends when there was nothing to do for some seconds. A forked child begins with nothing.
    """

    def __init__(self, outlet: Outlet) -> None:
        self.notes: deque[Arrived | Step] = deque()
        self.outlet = outlet
        begin_in_every_process(self)
        _living.add(self)

    def begin(self) -> None:
        """Begins with nothing."""
        self.notes.clear()
        self._ledger = Ledger()
        self.attended = False
        self.dropped = 0
        self._unsent: deque[Recorded] = deque()
        self._settling, self._forwarding, self._starting = threading.RLock(), threading.RLock(), threading.Lock()
        self._stopping, self._closed = threading.Event(), False
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """Events that are not delivered yet."""
        return len(self.notes) + len(self._unsent) + self.outlet.tally().waiting

    def attend(self) -> None:
        """Sees to it that notes are taken in: starts the thread, and helps where there are too many."""
        if not self.attended:
            self._start()
        if len(self.notes) >= MOST_NOTES and self._settling.acquire(timeout=_HELP_WITHIN_S):
            try:
                self._settle(_HELPED)
            finally:
                self._settling.release()

    @contextmanager
    def settled(self) -> Iterator[Ledger]:
        """The ledger with all that was noted before; it stands still inside the block."""
        with self._settling:
            self._settle(len(self.notes))
            yield self._ledger

    def settle(self) -> None:
        """Takes all that was noted into the ledger."""
        with self.settled():
            pass

    def forward(self, most: int | None = None) -> None:
        """Hands settled events to the outlet: all, or so many at most; and how many connections are open."""
        with self._forwarding:
            for _ in range(len(self._unsent) if most is None else min(most, len(self._unsent))):
                self.outlet.put(self._unsent.popleft())
            with self._settling:
                active = dict(self._ledger.active)
            self.outlet.tell_active(active)

    def flush(self, within_s: float) -> bool:
        """Waits until all that was noted before is delivered; False when that takes longer."""
        self.settle()
        self.forward()
        return self.outlet.flush(within_s)

    def close(self, within_s: float) -> None:
        """Delivers what there is, for so many seconds at most, and ends the thread; later notes stay in memory."""
        self._stopping.set()
        with self._starting:
            thread, self._thread, self.attended = self._thread, None, True
        if thread is not None:
            thread.join(within_s)
        self.settle()
        self._closed = True
        self.forward()
        self.outlet.close(within_s)

    def _settle(self, most: int) -> None:
        notes = [self.notes.popleft() for _ in range(min(most, len(self.notes)))]
        notes.sort(key=itemgetter(0))  # Threads overtake each other between looking at the clock and making the note.
        events = [event for note in notes if (event := self._taken(note))]
        if self.outlet.capacity:
            room = 0 if self._closed else max(0, self.outlet.capacity - len(self._unsent) - self.outlet.tally().waiting)
            self._unsent.extend(events[:room])
            self.dropped += len(events[room:])

    def _taken(self, note: Arrived | Step) -> Recorded | None:
        try:
            if len(note) == 3:
                self._ledger.step(note)
                return None
            return self._ledger.take(note)
        except Exception:
            self.dropped += 1
            return None

    def _start(self) -> None:
        # With a limit: a signal's handler may record in the middle of this, in the same thread.
        if not self._starting.acquire(timeout=_START_WITHIN_S):
            return
        try:
            if not self.attended:
                thread = threading.Thread(target=self._run, name="exai-monitor", daemon=True)
                # An interpreter that is ending starts no thread; the calling thread then delivers.
                with suppress(RuntimeError):
                    self.outlet.prepare()
                    thread.start()
                    self._thread, self.attended = thread, True
        finally:
            self._starting.release()

    def _run(self) -> None:
        idle = 0
        while not self._stopping.wait(0 if self._unsent else _TICK_S):
            idle = 0 if self.notes or self._unsent else idle + 1
            self._work()
            if idle >= _IDLE_TICKS and self._ends():
                return

    @harmless(nothing)
    def _work(self) -> None:
        self.settle()
        self.forward(_AT_ONCE)

    def _ends(self) -> bool:
        """Whether the thread may end: a note that is made meanwhile either is seen here, or sees nobody attend."""
        with self._starting:
            self.attended = False
            if self.notes or self._unsent or self._stopping.is_set():
                self.attended = True
                return False
            self._thread = None
            return True


_living: weakref.WeakSet[Arrivals] = weakref.WeakSet()


def _hand_over_all() -> None:
    for arrivals in list(_living):
        arrivals.settle()
        arrivals.forward()


# Registered behind the outboxes' own, it runs before them.
atexit.register(_hand_over_all)
