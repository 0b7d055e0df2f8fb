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
_VARIANTS = ("bare", "stock", "ours")
_CLIENTS = 4
_ENDPOINT_S = 0.002
_SLICES = 2
"""Turns of each variant in one window, so that what disturbs the machine disturbs all of them."""


@dataclass(slots=True)
class _Variant:
    """A path of the server, and what its turns have shown."""

    name: str
    process: Process
    means_ms: list[float] = field(default_factory=list)
    answers: int = 0
    cpu_s: float = 0.0
    """Of all its threads, until they rest: the system counts it in steps of 10 ms, so only the sum tells."""

    @property
    def cpu_ms(self) -> float:
        """For one answer."""
        return self.cpu_s / self.answers * 1000

    def take_turn(self, load: Clients, seconds: float) -> None:
        """Answers for so many seconds."""
        before_s = self.process.cpu_s()
        times = load.times(self.process.port, f"/{self.name}/work/17", [b"{}"] * _CLIENTS, _CLIENTS, seconds)
        self.process.settle()
        self.means_ms.append(sum(times) / len(times))
        self.answers += len(times)
        self.cpu_s += self.process.cpu_s() - before_s

    def begin(self) -> None:
        """Forgets what has only warmed it up."""
        self.means_ms.clear()
        self.answers, self.cpu_s = 0, 0.0


def measure(scale: Scale, directory: Path) -> Iterator[Figure]:
    """The variants take turns under the same load; each turn is held against the bare one's of the same round."""
    loops = _loops()
    with exporter(directory) as pushed_to, clients() as load:
        url = f"http://{LOOPBACK}:{pushed_to.port}"
        for framework in _FRAMEWORKS:
            with _server(framework, loops, url, directory) as server:
                variants = {name: _Variant(name, server) for name in _VARIANTS}
                _take_turns(list(variants.values()), load, scale)
                yield from _figures(f"{framework} endpoint of 2 ms, {_CLIENTS} clients", **variants)


def _take_turns(variants: list[_Variant], load: Clients, scale: Scale) -> None:
    for variant in variants:
        variant.take_turn(load, scale.window_s)
        variant.begin()
    for turn in range(scale.repetitions * _SLICES):
        for variant in variants[:: -1 if turn % 2 else 1]:
            variant.take_turn(load, scale.window_s / _SLICES)


def _figures(where: str, bare: _Variant, stock: _Variant, ours: _Variant) -> Iterator[Figure]:
    goal = Goal(1, "≤")
    yield alone(f"{where}: answer without middleware", middle(bare.means_ms), "ms")
    yield alone(f"{where}: added to the answer", _later(ours, bare), "%", goal)
    yield alone(f"{where}: added by prometheus-client alone", _later(stock, bare), "%")
    yield alone(f"{where}: CPU without middleware", bare.cpu_ms, "ms")
    yield alone(f"{where}: CPU added", _percent(ours.cpu_ms / bare.cpu_ms), "%", goal)
    yield alone(f"{where}: CPU added by prometheus-client alone", _percent(stock.cpu_ms / bare.cpu_ms), "%")


def _later(variant: _Variant, bare: _Variant) -> float:
    """In per cent, turn by turn."""
    return _percent(middle([ours / theirs for ours, theirs in zip(variant.means_ms, bare.means_ms, strict=True)]))


def _percent(ratio: float) -> float:
    """What is added; what is faster than bare by chance adds nothing."""
    return max(0.0, (ratio - 1) * 100)


def _server(framework: str, loops: int, url: str, directory: Path) -> AbstractContextManager[Process]:
    port = free_port()
    argv = [sys.executable, "-m", "benchmarks.middleware_server", framework, str(port), str(loops), url]
    return running(argv, port, directory)


def _loops() -> int:
    """Steps of work that take 2 ms here."""
    steps, took = 20_000, []
    for _ in range(30):
        began = time.perf_counter()
        work(steps)
        took.append(time.perf_counter() - began)
    return int(steps * _ENDPOINT_S / middle(took))
