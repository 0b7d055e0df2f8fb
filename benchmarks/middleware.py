"""What the middleware adds to a Flask and a FastAPI endpoint of 2 ms under load, and what prometheus-client alone adds.

The endpoint computes for 2 ms, so that all that its process does besides makes it slower, in whatever thread.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import Figure, Goal, alone, middle
from benchmarks.load import Clients, clients
from benchmarks.middleware_server import work
from benchmarks.processes import LOOPBACK, Process, exporter, free_port, running
from benchmarks.scale import Scale

_FRAMEWORKS = ("Flask", "FastAPI")
_OTHERS = ("bare", "bare", "stock")
"""The bare one twice: what it adds to itself is how far the others can be believed."""
_WARM_UP_ROUNDS = 5
_ENDPOINT_S = 0.002


def measure(scale: Scale, directory: Path) -> Iterator[Figure]:
    """The variants take turns of some 40 ms under the same load, and are compared within each round."""
    steps = _steps()
    with exporter(directory) as pushed_to, clients() as load:
        url = f"http://{LOOPBACK}:{pushed_to.port}"
        for framework in _FRAMEWORKS:
            seen = _Seen()
            for _ in range(scale.servers):
                with _server(framework, steps, url, directory) as server:
                    seen.see(server, load, scale.rounds)
            yield from _figures(f"{framework} endpoint of 2 ms under load", seen)


@dataclass(slots=True)
class _Seen:
    """Of several servers, one after the other: each has its memory elsewhere, which is worth some tenths of a per cent.

    `rounds` are milliseconds of an answer, a column for each of the others and the last for ours.
    """

    rounds: list[list[float]] = field(default_factory=list)
    pushed_ms: list[float] = field(default_factory=list)

    def see(self, server: Process, load: Clients, rounds: int) -> None:
        """One server's rounds."""
        load.in_turn(server.port, _paths(*_OTHERS), _WARM_UP_ROUNDS)
        self.pushed_ms.append(_pushed_ms(server, load, rounds))
        self.rounds += load.in_turn(server.port, _paths(*_OTHERS, "ours"), rounds)


def _figures(where: str, seen: _Seen) -> Iterator[Figure]:
    bare, again, stock, ours = zip(*seen.rounds, strict=True)
    pushed = middle(seen.pushed_ms) / middle(bare) * 100
    yield alone(f"{where}: an answer without middleware", middle(bare), "ms")
    yield alone(f"{where}: added", _added(ours, bare) + pushed, "%", Goal(1, "≤"))
    yield alone(f"{where}: of it by the thread that pushes", pushed, "%")
    yield alone(f"{where}: added by prometheus-client alone", _added(stock, bare), "%")
    yield alone(f"{where}: added by nothing", _added(again, bare), "%")


def _pushed_ms(server: Process, load: Clients, rounds: int) -> float:
    """What the thread that the first event starts computes for each."""
    before = server.threads_cpu_s().keys()
    load.in_turn(server.port, _paths("ours"), rounds)
    server.settle()
    pushing_s = sum(seconds for thread, seconds in server.threads_cpu_s().items() if thread not in before)
    return pushing_s * 1000 / (rounds * load.answers_a_turn)


def _paths(*variants: str) -> list[str]:
    return [f"/{variant}/work/17" for variant in variants]


def _added(ours_ms: tuple[float, ...], bare_ms: tuple[float, ...]) -> float:
    """Per cent, round by round."""
    return (middle([ours / bare for ours, bare in zip(ours_ms, bare_ms, strict=True)]) - 1) * 100


def _server(framework: str, steps: int, url: str, directory: Path) -> AbstractContextManager[Process]:
    port = free_port()
    argv = [sys.executable, "-m", "benchmarks.middleware_server", framework, str(port), str(steps), url]
    return running(argv, port, directory)


def _steps() -> int:
    """Of the endpoint's work, in 2 ms here."""
    some, took = 20, []
    for _ in range(100):
        began = time.perf_counter()
        work(some)
        took.append(time.perf_counter() - began)
    return int(some * _ENDPOINT_S / middle(took))
