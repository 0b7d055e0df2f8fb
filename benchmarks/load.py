"""The load: clients in a process of their own, so that they do not share the measuring process's interpreter."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle
from multiprocessing import get_context
from random import Random
from typing import NamedTuple

from benchmarks.client import Connection

_LEAD_S = 0.5
"""Seconds until the clients are connected and the first push is due."""

_TURN_CONNECTIONS, _TURN_ANSWERS = 4, 3
"""How many post in a turn, and how often each is measured."""


class Ack(NamedTuple):
    """When a push was due and when it was acknowledged (monotonic seconds)."""

    due: float
    done: float

    @property
    def took_ms(self) -> float:
        """Milliseconds from when the push was due: what a slow server keeps waiting counts too."""
        return (self.done - self.due) * 1000


@contextmanager
def clients() -> Iterator[Clients]:
    """A process that pushes when it is told to."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield Clients(pool)


class Clients:
    """What the process of clients can be asked for."""

    answers_a_turn = _TURN_CONNECTIONS * (1 + _TURN_ANSWERS)

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def push_all(self, port: int, batches: Sequence[bytes]) -> None:
        """Pushes each batch once over one connection."""
        self._pool.submit(_push_all, port, batches).result()

    def steadily(
        self, port: int, batches: Sequence[bytes], per_s: float, seconds: float, connections: int
    ) -> Future[list[Ack]]:
        """Pushes batches at a fixed rate, however slow the answers are."""
        return self._pool.submit(_steadily, port, batches, per_s, seconds, connections)

    def times(self, port: int, path: str, documents: Sequence[bytes], connections: int, seconds: float) -> list[float]:
        """Milliseconds of each answer, with each connection posting its next document as soon as it has one."""
        return self._pool.submit(_times, port, path, documents, connections, seconds).result()

    def in_turn(self, port: int, paths: Sequence[str], rounds: int) -> list[list[float]]:
        """Milliseconds that the server takes for an answer of each path, a row for each round.

        Four connections post at once, to one path for some answers each and then to the next, so that what disturbs
        the machine disturbs all of them.
        """
        return self._pool.submit(_in_turn, port, paths, rounds).result()

    def flat_out(self, port: int, batches: Sequence[bytes], connections: int, seconds: float) -> Future[float]:
        """Pushes as fast as each connection is answered; batches a second are what comes of it."""
        return self._pool.submit(_flat_out, port, batches, connections, seconds)


def _push_all(port: int, batches: Sequence[bytes]) -> None:
    with Connection(port) as connection:
        for batch in batches:
            connection.push(batch)


def _steadily(port: int, batches: Sequence[bytes], per_s: float, seconds: float, connections: int) -> list[Ack]:
    start = time.monotonic() + _LEAD_S
    due = [start + number / per_s for number in range(int(per_s * seconds))]
    shares = [(port, batches[share::connections], due[share::connections]) for share in range(connections)]
    with ThreadPoolExecutor(connections) as threads:
        return sorted(ack for acks in threads.map(_one_steadily, shares) for ack in acks)


def _one_steadily(share: tuple[int, Sequence[bytes], Sequence[float]]) -> list[Ack]:
    port, batches, dues = share
    acks = []
    with Connection(port) as connection:
        for due, batch in zip(dues, cycle(batches), strict=False):
            time.sleep(max(0.0, due - time.monotonic()))
            connection.push(batch)
            acks.append(Ack(due, time.monotonic()))
    return acks


def _flat_out(port: int, batches: Sequence[bytes], connections: int, seconds: float) -> float:
    began = time.monotonic()
    shares = [(port, batches[share::connections], began + seconds) for share in range(connections)]
    with ThreadPoolExecutor(connections) as threads:
        pushed = sum(threads.map(_one_flat_out, shares))
    return pushed / (time.monotonic() - began)


def _one_flat_out(share: tuple[int, Sequence[bytes], float]) -> int:
    port, batches, until = share
    with Connection(port) as connection:
        for number, batch in enumerate(cycle(batches)):
            if time.monotonic() >= until:
                return number
            connection.push(batch)
    return 0


def _in_turn(port: int, paths: Sequence[str], rounds: int) -> list[list[float]]:
    order, rng, rows = list(range(len(paths))), Random(1), []
    with ExitStack() as opened:
        connections = [opened.enter_context(Connection(port)) for _ in range(_TURN_CONNECTIONS)]
        for _ in range(rounds):
            rng.shuffle(order)  # Whoever always came first, or after the same one, would be favoured.
            took = {index: _turn(connections, paths[index]) for index in order}
            rows.append([took[index] for index in range(len(paths))])
    return rows


def _turn(connections: Sequence[Connection], path: str) -> float:
    """The first answers are not measured: they find the caches of the processor full of what came before."""
    for connection in connections:
        connection.posts_to(path)
    _post(connections)
    began = time.perf_counter()
    for _ in range(_TURN_ANSWERS):
        _post(connections)
    return (time.perf_counter() - began) * 1000 / (_TURN_ANSWERS * len(connections))


def _post(connections: Sequence[Connection]) -> None:
    """All at once, and from one thread: how threads of the clients' took turns would be measured too."""
    for connection in connections:
        connection.send(b"{}")
    for connection in connections:
        connection.answered()


def _times(port: int, path: str, documents: Sequence[bytes], connections: int, seconds: float) -> list[float]:
    until = time.monotonic() + seconds
    shares = [(port, path, documents[share::connections], until) for share in range(connections)]
    with ThreadPoolExecutor(connections) as threads:
        return [took for times in threads.map(_one_times, shares) for took in times]


def _one_times(share: tuple[int, str, Sequence[bytes], float]) -> list[float]:
    port, path, documents, until = share
    times = []
    with Connection(port, path) as connection:
        for document in cycle(documents):
            began = time.monotonic()
            if began >= until:
                break
            connection.push(document)
            times.append((time.monotonic() - began) * 1000)
    return times
