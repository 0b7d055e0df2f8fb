"""Run the exporter with a real Prometheus, 2.42 or 3: `_created` makes the first increase count, and is no series."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from exporter.fold.apply import Fold
from exporter.fold.checkpoint import take, write
from exporter.fold.state import State
from exporter.fold.store import open_store
from exporter.state_dir import STORE
from exporter.types import Batch
from tests import servers
from tests.core.examples import minimal
from tests.core.test_journal import folded_events
from tests.servers import binary, wait_until

EVENTS = 'exai_connection_events_total{function="%s"}'
JOB = "exai-exporter"


def reads_created() -> bool:
    """Whether the installed Prometheus is 3 or newer."""
    printed = subprocess.run((binary("prometheus"), "--version"), capture_output=True, text=True, check=True)
    return (printed.stdout + printed.stderr).split()[2].startswith("3.")


Scraped = Callable[..., servers.Prometheus]


@pytest.fixture
def exporter(exporter_server: Callable[[Mapping[str, str]], servers.Server]) -> servers.Server:
    """An exporter without sources."""
    return exporter_server({})


@pytest.fixture
def scraping(tmp_path: Path) -> Iterator[Scraped]:
    """Starts a Prometheus that has scraped an exporter once."""
    with ExitStack() as stack:

        def start(exporter: servers.Server, flags: list[str] | None = None) -> servers.Prometheus:
            server = servers.prometheus_server(tmp_path, {JOB: [exporter.address]}, flags=flags)
            prometheus = stack.enter_context(server)
            wait_until(lambda: prometheus.value(f'up{{job="{JOB}"}}') == 1, what="the first scrape")
            return prometheus

        yield start


def push(exporter: servers.Server, function: str) -> None:
    """One event, which makes series of its own."""
    body = json.dumps([minimal("connection", function_name=function, response_time_ms=3)]).encode()
    request = urllib.request.Request(  # noqa: S310
        f"{exporter.url}/api/v1/events", body, {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


def stored(prometheus: servers.Prometheus, selector: str) -> list[Any]:
    """The stored samples of one series, [] where there is none."""
    found = prometheus.query(f"{selector}[5m]")
    return found[0]["values"] if found else []


def nothing_created(prometheus: servers.Prometheus) -> bool:
    return prometheus.query('{__name__=~".+_created"}') == []


def test_the_first_increase_of_a_series_counts_where_prometheus_can_read_when_it_was_made(
    exporter: servers.Server, scraping: Scraped
) -> None:
    prometheus = scraping(exporter)
    push(exporter, "f")
    one, histogram = EVENTS % "f", 'exai_connection_response_seconds_bucket{function="f",le="0.005"}'
    wait_until(lambda: len(stored(prometheus, one)) >= 2, what="two samples")
    first, second = stored(prometheus, one)[:2]
    increase = prometheus.value(f"increase({one}[1m])")
    if reads_created():
        assert [first[1], second[1]] == ["0", "1"]
        assert 0 < second[0] - first[0] <= 6
        assert increase
        assert increase > 0
        assert [value for _, value in stored(prometheus, histogram)[:2]] == ["0", "1"]
    else:
        assert first[1] == "1"
        assert increase == 0
    assert nothing_created(prometheus)


def test_a_prometheus_without_the_flag_stores_no_series_of_creation_times(
    exporter: servers.Server, scraping: Scraped
) -> None:
    push(exporter, "f")
    prometheus = scraping(exporter, flags=[])
    assert stored(prometheus, EVENTS % "f")[0][1] == "1"
    assert nothing_created(prometheus)


def test_a_scrape_of_many_series_that_nobody_saw_made_is_quick(
    tmp_path: Path, exporter_server: Callable[[Mapping[str, str]], servers.Server], scraping: Scraped
) -> None:
    fold = Fold(State())
    for number in range(400):
        fold.apply(Batch("http", folded_events(function_name=f"f{number}", response_time_ms=3)))
    (tmp_path / "state").mkdir(mode=0o700)
    store = open_store(tmp_path / "state" / STORE)
    store.execute("BEGIN")
    write(store, take(fold, {}, 0))
    store.execute("COMMIT")
    store.close()
    prometheus = scraping(exporter_server({}))
    assert prometheus.value("count(exai_connection_response_seconds_count)") == 400
    # Without an end to read ahead to, Prometheus 3 does not finish within its 5 s.
    assert prometheus.value(f'scrape_duration_seconds{{job="{JOB}"}}') < 4
    assert stored(prometheus, EVENTS % "f0")[0][1] == "1"
    assert nothing_created(prometheus)
