"""Decode and fold, per CPU second, in batches of 1,000: what `serve` does with a pushed body, against three peers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import statsd
from benchmarks.figures import Figure, Goal, Peer, against, middle
from benchmarks.scale import Scale
from benchmarks.stock import WithCachedChildren, WithLabels
from benchmarks.workload import Workload, label_sets
from exporter.decode.canonical import decode
from exporter.fold.apply import Fold
from exporter.fold.checkpoint import take
from exporter.fold.recent import RecentEvents
from exporter.fold.state import State
from exporter.types import Batch

EVENTS_A_BATCH = 1000

Contender = Callable[[Sequence[bytes]], float]
"""Takes batches, and says how many seconds of CPU that cost."""


def measure(scale: Scale, directory: Path) -> Iterator[Figure]:
    """Three figures, one a peer."""
    with ExitStack() as stack:
        contenders: dict[str, Contender] = {
            "ours": _ours(),
            "labels": _cpu_of(WithLabels().take),
            "cached": _cpu_of(WithCachedChildren().take),
        }
        reason = ""
        try:
            contenders["statsd"] = _statsd(stack.enter_context(statsd.statsd_exporter(directory)))
        except statsd.Missing as missing:
            reason = str(missing)
        rates = _rates(contenders, scale)
    peers = (
        (Peer("json + prometheus-client, .labels() per event", rates["labels"]), 6),
        (Peer("json + prometheus-client, children cached by hand", rates["cached"]), 3),
        (Peer("statsd_exporter over TCP", rates.get("statsd"), reason), 4),
    )
    for peer, times in peers:
        yield against("decode and fold", rates["ours"], "events/CPU s", peer, Goal(times, "≥", times=True))


def _rates(contenders: dict[str, Contender], scale: Scale) -> dict[str, float]:
    """The median rates of repetitions that take turns; the first one only brings all children forth."""
    traffic = Workload(label_sets(scale.narrow_functions))
    for contender in contenders.values():
        contender(list(traffic.all(EVENTS_A_BATCH)))
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(scale.repetitions):
        batches = traffic.batches(scale.batches, EVENTS_A_BATCH)
        for name, contender in contenders.items():
            spent[name].append(contender(batches))
    events = scale.batches * EVENTS_A_BATCH
    return {name: events / max(middle(seconds), 1e-6) for name, seconds in spent.items()}


def _ours() -> Contender:
    """Decodes as HttpPush does, folds as Loop does, and copies a checkpoint once a repetition."""
    fold = Fold(State(), recent=RecentEvents())

    def contend(batches: Sequence[bytes]) -> float:
        began = time.process_time()
        for body in batches:
            now = time.time()
            decoded = decode(body, now)
            fold.apply(Batch("http", decoded.events, received=now, rejections=decoded.rejections, size=len(body)))
        take(fold, {}, time.time())
        return time.process_time() - began

    return contend


def _cpu_of(take_batch: Callable[[bytes], None]) -> Contender:
    def contend(batches: Sequence[bytes]) -> float:
        began = time.process_time()
        for body in batches:
            take_batch(body)
        return time.process_time() - began

    return contend


def _statsd(server: statsd.Statsd) -> Contender:
    def contend(batches: Sequence[bytes]) -> float:
        lines = b"".join(map(statsd.lines, batches))
        began = server.process.cpu_s()
        server.send(lines)
        return server.process.cpu_s() - began

    return contend
