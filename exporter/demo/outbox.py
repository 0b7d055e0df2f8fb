"""A bounded buffer that a thread empties in batches: the simulation never waits for who receives."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue
from typing import Generic, TypeVar
from uuid import uuid4

from tenacity import RetryCallState, RetryError, Retrying, retry_if_exception_type, wait_random_exponential
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_when_event_set

Item = TypeVar("Item")


class AwayError(Exception):
    """The receiver cannot take a batch now: the same batch is worth another try."""


class RefusedError(Exception):
    """The receiver will never take this batch."""


@dataclass
class Tally:
    """What became of the items; `trouble` says why nothing leaves now, empty while all is well."""

    sent: int = 0
    dropped: int = 0
    refused: int = 0
    trouble: str = ""


class Outbox(ABC, Generic[Item]):
    """Sends batches of up to `most` items, or of what there is after `every_s` seconds.

    `capacity` items wait at most; what comes on top is dropped and counted.
    """

    most: int
    every_s: float
    capacity: int

    def __init__(self) -> None:
        self.tally = Tally()
        self._items: Queue[Item | None] = Queue(self.capacity)
        self._ending, self._giving_up = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    @abstractmethod
    def send(self, batch: list[Item], key: str) -> int:
        """Hand a batch over and return how many items were taken; `key` names it, at each try the same.

        Raises:
            AwayError: try again.
            RefusedError: drop it.
        """

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, item: Item) -> None:
        """Leave an item; it is dropped when the buffer is full."""
        try:
            self._items.put_nowait(item)
        except Full:
            self.tally.dropped += 1

    def close(self, grace_s: float) -> None:
        """Send what waits, for `grace_s` seconds at most, and end; what is left is counted as dropped."""
        self._ending.set()
        with suppress(Full):
            self._items.put_nowait(None)
        self._thread.join(grace_s)
        self._giving_up.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            last = self._ending.is_set()
            batch = self._next_batch()
            if self._giving_up.is_set():
                self.tally.dropped += len(batch)
            elif batch:
                self._deliver(batch)
            if last and not batch:
                return

    def _next_batch(self) -> list[Item]:
        batch: list[Item] = []
        deadline = time.monotonic() + self.every_s
        with suppress(Empty):
            while len(batch) < self.most:
                wait_s = 0.0 if self._ending.is_set() else deadline - time.monotonic()
                item = self._items.get(timeout=max(0.0, wait_s))
                if item is not None:
                    batch.append(item)
        return batch

    def _deliver(self, batch: list[Item]) -> None:
        try:
            taken = self._retrying()(self.send, batch, uuid4().hex)
        except RetryError:
            self.tally.dropped += len(batch)
        except RefusedError as refusal:
            self.tally.refused += len(batch)
            self.tally.trouble = str(refusal)
        else:
            self.tally.sent += taken
            self.tally.refused += len(batch) - taken
            self.tally.trouble = ""

    def _retrying(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(AwayError),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            stop=stop_when_event_set(self._giving_up),
            sleep=sleep_using_event(self._giving_up),
            before_sleep=self._note_trouble,
        )

    def _note_trouble(self, state: RetryCallState) -> None:
        self.tally.trouble = str(state.outcome.exception()) if state.outcome else ""
