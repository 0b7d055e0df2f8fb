"""A bounded queue that one thread empties in batches: who leaves something never waits, and hears of no failure."""

from __future__ import annotations

import atexit
import math
import threading
import time
import uuid
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Generic, TypeVar

from exporter.client.forks import begin_in_every_process
from exporter.client.patience import Backoff
from exporter.client.receiver import Receiver, Sent

Item = TypeVar("Item")


def _as_it_is(item: Item) -> Item:
    return item


class Outbox(Generic[Item]):
    """Takes items from any thread; one thread delivers them: `at_once` of them, or what has come in `every_s` seconds.

    `capacity` items wait, and at most one more for each thread; those on top are dropped and counted. After a failure
    it rests, `longest_rest_s` seconds at most. In a forked child it starts empty. `write` makes of an item what is
    delivered, None of one that cannot be: the thread does it for a batch at once, which takes a third of the time that
    it takes for each alone.
    """

    def __init__(
        self,
        to: Receiver[Any],
        *,
        capacity: int,
        at_once: int,
        every_s: float,
        longest_rest_s: float = 30.0,
        write: Callable[[Item], Any] = _as_it_is,
    ) -> None:
        self._to, self._write = to, write
        self._capacity, self._at_once, self._every_s = capacity, min(at_once, capacity), every_s
        self._longest_rest_s = longest_rest_s
        begin_in_every_process(self)
        _living.add(self)

    def begin(self) -> None:
        """Begins with nothing."""
        self.sent = Sent()
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._waiting: deque[Item] = deque()
        self._pushing = 0
        self._hurries, self._urgent = 0, False
        self._closed, self._asleep = False, True
        self._thread: threading.Thread | None = None

    def leave(self, item: Item | None) -> None:
        """Leaves an item to be delivered; None is one that could not be made, and counts as dropped."""
        if item is None or self._closed or len(self._waiting) >= self._capacity:
            self._drop_one()
            return
        # The lock would cost more than all else. The thread says that it sleeps before it looks for the last time.
        self._waiting.append(item)
        if self._asleep or self._closed or len(self._waiting) == self._at_once:
            self._wake()

    def tally(self) -> Sent:
        """What has become of all items by now: the four numbers add up to how many were left."""
        with self._changed:
            return replace(self.sent, waiting=len(self._waiting) + self._pushing)

    def hurry(self) -> None:
        """Delivers what waits without more delay, be it that of a failure."""
        with self._changed:
            self._hurries += 1
            self._urgent = bool(self._waiting or self._pushing)
            self._changed.notify_all()

    def flush(self, within_s: float = 5.0) -> bool:
        """Waits until nothing waits any more; False when that takes longer."""
        self.hurry()
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._pushing, within_s)

    def open(self) -> None:
        """Takes items again after `close`."""
        with self._changed:
            self._closed = False

    def close(self, within_s: float = 2.0) -> None:
        """Delivers what waits, for so many seconds at most; the rest is dropped, and what is left later too."""
        self._deliver_without_thread(time.monotonic() + within_s)
        self.flush(within_s)
        with self._changed:
            self._closed = True
            self._drop_waiting()
            self._changed.notify_all()
            thread = self._thread
        if thread and thread.is_alive():
            thread.join(within_s)
        self._to.hang_up()

    def prepare(self) -> None:
        """Start the thread now: from Python 3.12 on, an interpreter that is ending starts none."""
        with self._changed:
            if not self._closed and not self._has_thread():
                self._start()

    def _wake(self) -> None:
        with self._changed:
            if self._closed:  # By now: what has been left since waits for nobody.
                self._drop_waiting()
                return
            self._changed.notify_all()
            if not self._has_thread():
                self._start()

    def _has_thread(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="exai-events", daemon=True)
        with suppress(RuntimeError):  # An interpreter that is ending starts no thread.
            thread.start()
            self._thread = thread

    def _drop_one(self) -> None:
        with self._lock:
            self.sent.dropped += 1

    def _drop_waiting(self) -> None:
        while self._waiting:
            self._waiting.popleft()
            self._drop_one()

    def _run(self) -> None:
        while batch := self._next_batch():
            self._count(self._push(batch))

    def _deliver_without_thread(self, until: float) -> None:
        """Deliver in the calling thread, until that monotonic time, where no other could be started."""
        while time.monotonic() < until:
            with self._changed:
                if not self._waiting or self._has_thread():
                    return
                batch = self._pop_batch()
            self._count(self._push(batch, until))

    def _count(self, became: Sent) -> None:
        with self._changed:
            self.sent.taken += became.taken
            self.sent.refused += became.refused
            self.sent.dropped += became.dropped
            self._pushing = 0
            self._urgent = self._urgent and bool(self._waiting)
            self._changed.notify_all()

    def _next_batch(self) -> list[Item]:
        with self._changed:
            self._asleep = True
            self._changed.wait_for(lambda: self._waiting or self._closed)
            self._asleep = not self._waiting
            full = self._at_once
            self._changed.wait_for(lambda: len(self._waiting) >= full or self._urgent or self._closed, self._every_s)
            batch = self._pop_batch()
            if not batch:
                self._thread, self._asleep = None, True  # It ends now: what is left after `open` starts another.
            return batch

    def _pop_batch(self) -> list[Item]:
        batch = [self._waiting.popleft() for _ in range(min(self._at_once, len(self._waiting)))]
        self._pushing = len(batch)
        return batch

    def _push(self, items: Sequence[Item], until: float = math.inf) -> Sent:
        """Delivers until the receiver has said what it does with the batch, or nobody waits for that any more."""
        batch = [written for item in items if (written := self._write(item)) is not None]
        became = self._delivered(batch, until) if batch else Sent()
        return replace(became, dropped=became.dropped + len(items) - len(batch))

    def _delivered(self, batch: Sequence[Any], until: float) -> Sent:
        key, backoff = uuid.uuid4().hex, Backoff(longest_s=self._longest_rest_s)
        while True:
            hurries = self._hurries
            became = self._to.deliver(batch, key)
            if became:
                return became
            left_s = until - time.monotonic()
            if left_s <= 0 or not self._rests(min(backoff.failed(), left_s), hurries):
                return Sent(dropped=len(batch))

    def _rests(self, seconds: float, hurries: int) -> bool:
        """Waits before another try, unless one is in a hurry since; False when there is to be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._hurries != hurries, seconds)
            return not self._closed


def close_all(outboxes: Sequence[Outbox[Any]], within_s: float) -> None:
    """Closes them side by side: one whose receiver is away takes no time from the others."""
    ends = time.monotonic() + within_s
    for outbox in outboxes:
        outbox.hurry()
    for outbox in outboxes:
        outbox.close(max(0.0, ends - time.monotonic()))


_living: weakref.WeakSet[Outbox[Any]] = weakref.WeakSet()


def _close_all() -> None:
    close_all(list(_living), 2.0)


atexit.register(_close_all)
