"""Tailing a gateway's sorted sets at 1,000 events/s, with five minutes of them behind us, in shares of a core."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from benchmarks import gateway
from benchmarks.client import Scraper
from benchmarks.figures import Figure, Goal, alone
from benchmarks.processes import LOOPBACK, Process, exporter, free_port, running, wait_until
from benchmarks.scale import Scale

_INGESTED = re.compile(r'exai_exporter_events_ingested_total\{source="redis_zset",kind="connection"\} (\d+)')


def measure(scale: Scale, directory: Path) -> Iterator[Figure]:
    """One figure; nothing, said on its row, where there is no redis-server."""
    if shutil.which("redis-server") is None:
        raise FileNotFoundError("redis-server is missing: apt-get install redis-server")
    with _redis(directory) as url, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as writer:
        written = gateway.Gateway(url, scale.narrow_functions).write_history(scale.history_s)
        with exporter(directory, redis_url=url) as server:
            _wait_for(server, written)
            server.settle(1.5)
            began, used = time.monotonic(), server.cpu_s()
            written += writer.submit(gateway.work, url, scale.narrow_functions, scale.tail_seconds).result()
            share = (server.cpu_s() - used) / (time.monotonic() - began)
            _wait_for(server, written)
    yield alone("tailing sorted sets at 1,000 events/s", share * 100, "% of a core", Goal(5, "≤"))


@contextmanager
def _redis(directory: Path) -> Iterator[str]:
    port = free_port()
    argv = ["redis-server", "--bind", LOOPBACK, "--port", str(port), "--dir", str(directory), "--save", ""]
    with running(argv, port, directory):
        yield f"redis://{LOOPBACK}:{port}/0"


def _wait_for(server: Process, events: int) -> None:
    scraper = Scraper(server.port)

    def all_came() -> bool:
        found = _INGESTED.search(scraper.scrape(squeeze=False).text)
        return found is not None and int(found.group(1)) == events

    wait_until(all_came, f"{events} events are counted")
