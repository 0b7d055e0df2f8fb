"""The outbox takes items from any thread without a lock, and still loses none and sleeps through none."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence

import pytest

from exporter.client.outbox import Outbox
from exporter.client.receiver import Sent

THREADS, EACH = 8, 10_000


class Heap:
    """Takes whatever comes."""

    def __init__(self) -> None:
        self.items: list[int] = []
        self.came = threading.Condition()

    def deliver(self, batch: Sequence[int], key: str) -> Sent:  # noqa: ARG002
        with self.came:
            self.items += batch
            self.came.notify_all()
        return Sent(taken=len(batch))

    def hang_up(self) -> None:
        """Nothing is open."""


@pytest.fixture(autouse=True)
def threads_that_often_take_turns() -> Iterator[None]:
    """So that they meet where they seldom do."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def leave_from_all(outbox: Outbox[int]) -> list[threading.Thread]:
    def leave(first: int) -> None:
        for item in range(first, first + EACH):
            outbox.leave(item)

    threads = [threading.Thread(target=leave, args=(number * EACH,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    return threads


def test_what_many_threads_leave_arrives_once() -> None:
    heap = Heap()
    outbox = Outbox[int](heap, capacity=THREADS * EACH, at_once=7, every_s=0)
    for thread in leave_from_all(outbox):
        thread.join()
    assert outbox.flush(30)
    assert sorted(heap.items) == list(range(THREADS * EACH))
    outbox.close()


def test_what_is_left_while_it_opens_and_closes_is_taken_or_counted_as_dropped() -> None:
    heap = Heap()
    outbox = Outbox[int](heap, capacity=100, at_once=7, every_s=0)
    threads = leave_from_all(outbox)
    while any(thread.is_alive() for thread in threads):
        outbox.close()
        outbox.open()
    outbox.close()
    sent = outbox.tally()
    assert (sent.taken, len(set(heap.items))) == (len(heap.items), len(heap.items))
    assert (sent.taken + sent.dropped, sent.waiting) == (THREADS * EACH, 0)


def test_what_is_left_in_the_moment_of_closing_waits_for_nobody() -> None:
    outbox = Outbox[int](Heap(), capacity=10, at_once=10, every_s=0)

    class LastMoment(deque[int]):
        def append(self, item: int) -> None:
            outbox.close()
            super().append(item)

    outbox._waiting = LastMoment()
    outbox.leave(1)
    assert outbox.tally() == Sent(dropped=1)


def test_an_item_wakes_the_thread_whenever_it_falls_asleep() -> None:
    heap = Heap()
    outbox = Outbox[int](heap, capacity=10, at_once=10, every_s=0)
    for item in range(EACH):
        outbox.leave(item)
        with heap.came:
            assert heap.came.wait_for(lambda: heap.items[-1:] == [item], 30)  # noqa: B023
    outbox.close()


class Away:
    """Takes nothing."""

    def deliver(self, batch: Sequence[int], key: str) -> None:
        """Say that the same may be tried again."""

    def hang_up(self) -> None:
        """Nothing is open."""


@pytest.fixture
def no_thread_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an interpreter that is ending, from Python 3.12 on."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)


@pytest.mark.usefixtures("no_thread_starts")
def test_close_delivers_in_its_own_thread_where_no_other_can_be_started() -> None:
    heap = Heap()
    outbox = Outbox[int](heap, capacity=100, at_once=7, every_s=0)
    for item in range(100):
        outbox.leave(item)
    outbox.close(5)
    assert heap.items == list(range(100))
    assert outbox.tally() == Sent(taken=100)


@pytest.mark.usefixtures("no_thread_starts")
def test_close_gives_up_in_time_without_a_thread() -> None:
    outbox = Outbox[int](Away(), capacity=100, at_once=7, every_s=0)
    for item in range(100):
        outbox.leave(item)
    began = time.monotonic()
    outbox.close(0.3)
    assert time.monotonic() - began < 2
    assert outbox.tally() == Sent(dropped=100)
