"""What scrapes and 20,000 events/s do to each other, with scrapes ten times as often as Prometheus makes them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.client import Scraped, Scraper
from benchmarks.figures import Figure, Goal, Peer, middle, slowed
from benchmarks.load import Ack, Clients, clients
from benchmarks.processes import Process, exporter
from benchmarks.push import BATCHES_A_SECOND, CONNECTIONS, EVENTS_A_BATCH
from benchmarks.scale import Scale
from benchmarks.workload import Workload, busy, label_sets

_EVENTS_OF_A_FIRST_BATCH = 1000
_A_THIRD = Goal(4 / 3, "≤", times=True)


def measure(scale: Scale, directory: Path) -> Iterator[Figure]:
    """Windows with pushes, with scrapes, and with both take turns."""
    sets = label_sets(scale.functions, scale.scripts)
    with exporter(directory) as server, clients() as load:
        load.push_all(server.port, list(Workload(sets).all(_EVENTS_OF_A_FIRST_BATCH)))
        bench = _Bench(server, load, Workload(busy(sets)), scale)
        for _ in range(scale.repetitions // 2 + 1):
            bench.scrapes_alone()
            bench.pushes_alone()
            bench.both()
    left_alone, not_scraped = Peer("left alone", middle(bench.unloaded)), Peer("not scraped", middle(bench.unscraped))
    yield slowed("scrape with gzip at 20,000 events/s", middle(bench.loaded), "ms", left_alone, _A_THIRD)
    yield slowed("push acknowledged, scraped every 0.5 s", middle(bench.scraped), "ms", not_scraped, _A_THIRD)
    # No goal of its own: few pushes meet a scrape, and those share one interpreter with it.
    yield slowed("push acknowledged, due during a scrape", middle(bench.during), "ms", not_scraped)


class _Bench:
    """Collects milliseconds of scrapes and pushes, alone and together."""

    def __init__(self, server: Process, load: Clients, traffic: Workload, scale: Scale) -> None:
        self._server = server
        self._load = load
        self._traffic = traffic
        self._window_s, self._every_s = scale.window_s, scale.crowded_every_s
        self._scraper = Scraper(server.port)
        self.loaded: list[float] = []
        self.unloaded: list[float] = []
        self.scraped: list[float] = []
        self.unscraped: list[float] = []
        self.during: list[float] = []

    def scrapes_alone(self) -> None:
        """Scrapes of as many changes as come between two of them under load."""
        between = int(BATCHES_A_SECOND * self._every_s)
        for _ in range(int(self._window_s / self._every_s)):
            self._load.push_all(self._server.port, self._traffic.batches(between, EVENTS_A_BATCH))
            self.unloaded.append(self._scraper.scrape(squeeze=True).took_ms)

    def pushes_alone(self) -> None:
        """A window without a scrape."""
        self.unscraped += [ack.took_ms for ack in self._push(scrape=False)[0]]

    def both(self) -> None:
        """A window with both."""
        acks, scrapes = self._push(scrape=True)
        self.loaded += [scraped.took_ms for scraped in scrapes]
        self.scraped += [ack.took_ms for ack in acks]
        self.during += [ack.took_ms for ack in acks if _is_due_during(ack, scrapes)]

    def _push(self, *, scrape: bool) -> tuple[Sequence[Ack], list[Scraped]]:
        batches = self._traffic.batches(CONNECTIONS * 8, EVENTS_A_BATCH)
        pushing = self._load.steadily(self._server.port, batches, BATCHES_A_SECOND, self._window_s, CONNECTIONS)
        scrapes = []
        while not pushing.done():
            time.sleep(self._every_s)
            if scrape and not pushing.done():
                scrapes.append(self._scraper.scrape(squeeze=True))
        acks = pushing.result()
        # The first scrape shows what came before, the last may have ended after the pushes.
        return acks, [scraped for scraped in scrapes[1:] if scraped.ended < acks[-1].done]


def _is_due_during(ack: Ack, scrapes: Sequence[Scraped]) -> bool:
    return any(scraped.began <= ack.due < scraped.ended for scraped in scrapes)
