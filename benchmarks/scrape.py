"""/metrics of 100,000 series over HTTP, of which 5 % of the children and a tenth of the series changed each time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import statsd
from benchmarks.client import Connection, Scraper
from benchmarks.figures import Figure, Goal, Peer, against, middle
from benchmarks.processes import exporter, free_port, running
from benchmarks.scale import Scale
from benchmarks.workload import Workload, children, label_sets, series

_CHANGED_CHILDREN = 0.05
_EVENTS_A_BATCH = 1000


@dataclass
class _Contender:
    """A server that is scraped, and the way to feed it."""

    feed: Callable[[bytes], None]
    scraper: Scraper
    took_ms: dict[bool, list[float]] = field(default_factory=lambda: {False: [], True: []})

    def scrape(self, batch: bytes, least: int, *, squeeze: bool) -> None:
        """Changes some series, and times the scrape that shows them; it must hold all series."""
        self.feed(batch)
        scraped = self.scraper.scrape(squeeze=squeeze)
        assert scraped.series >= least, f"{scraped.series} series instead of {least}"
        self.took_ms[squeeze].append(scraped.took_ms)

    def milliseconds(self, *, squeeze: bool) -> float:
        """The median."""
        return middle(self.took_ms[squeeze])


def measure(scale: Scale, directory: Path) -> Iterator[Figure]:
    """Three figures: against prometheus-client, and against statsd_exporter plain and with gzip."""
    reason = ""
    with ExitStack() as stack:
        contenders = {"ours": _ours(stack, directory), "stock": _stock(stack, directory)}
        try:
            contenders["statsd"] = _statsd(stack, directory)
        except statsd.Missing as missing:
            reason = str(missing)
        _run(contenders, scale)
    ours, stock, other = contenders["ours"], contenders["stock"], contenders.get("statsd")
    plain, squeezed = ours.milliseconds(squeeze=False), ours.milliseconds(squeeze=True)
    peer = Peer("prometheus_client.generate_latest", stock.milliseconds(squeeze=False))
    yield against("scrape", plain, "ms", peer, Goal(20, "≥", times=True))
    peer = Peer(statsd.NAME, other.milliseconds(squeeze=False) if other else None, reason)
    yield against("scrape", plain, "ms", peer, Goal(4, "≥", times=True))
    peer = Peer(statsd.NAME, other.milliseconds(squeeze=True) if other else None, reason)
    yield against("scrape with gzip", squeezed, "ms", peer, Goal(3, "≥", times=True, condition=" (prize 5x)"))


def _run(contenders: dict[str, _Contender], scale: Scale) -> None:
    sets = label_sets(scale.functions, scale.scripts)
    traffic = Workload(sets)
    for batch in traffic.all(_EVENTS_A_BATCH):
        for contender in contenders.values():
            contender.feed(batch)
    functions = int(children(sets) * _CHANGED_CHILDREN / 2)
    for _ in range(scale.repetitions):
        for squeeze in (False, True):
            batch = traffic.of_functions(functions)
            for contender in contenders.values():
                contender.scrape(batch, series(sets), squeeze=squeeze)


def _ours(stack: ExitStack, directory: Path) -> _Contender:
    server = stack.enter_context(exporter(directory))
    return _Contender(stack.enter_context(Connection(server.port)).push, Scraper(server.port))


def _stock(stack: ExitStack, directory: Path) -> _Contender:
    port = free_port()
    argv = [sys.executable, "-m", "benchmarks.stock_server", str(port)]
    stack.enter_context(running(argv, port, directory))

    def feed(batch: bytes) -> None:
        with Connection(port) as connection:
            connection.push(batch)

    return _Contender(feed, Scraper(port))


def _statsd(stack: ExitStack, directory: Path) -> _Contender:
    server = stack.enter_context(statsd.statsd_exporter(directory))
    return _Contender(lambda batch: server.send(statsd.lines(batch)), Scraper(server.process.port))
