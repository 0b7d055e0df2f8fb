"""The panels of the PostgreSQL server show what a real server says of itself, through a real postgres_exporter."""

from __future__ import annotations

import subprocess
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests import servers
from tests.databases import Postgres, postgres_server
from tests.grafana.live import postgres_exporter_server
from tests.grafana.shipped import Target, targets

STARTED = 1_780_000_000
STEP_S, STEPS = 15, 4
SEEN_S, SEEN_WITHOUT_RIGHTS_S = 3 * STEP_S + 5, 3600
"""When the panels are read after the start: as the bundle's login, and as one without any rights."""

ROLLED_BACK, CONNECTIONS = 40, 20

COUNTERS = ("xact_commit", "xact_rollback", "deadlocks", "blks_hit", "blks_read")
TOTALS = """
    select sum(xact_commit), sum(xact_rollback), sum(deadlocks), sum(blks_hit), sum(blks_read) from pg_stat_database
"""
OLDEST = "select extract(epoch from now() - xact_start) from pg_stat_activity where state = 'idle in transaction'"


@dataclass(frozen=True)
class Seen:
    """A Prometheus with the scrapes, the growth of the server's counters, and the bounds of single figures."""

    prometheus: servers.Prometheus
    grown: Mapping[str, float]
    open_for: tuple[float, float]
    size: float

    def shown(self, title: str, legend: str, row: str = "", after_s: float = SEEN_S) -> float | None:
        """Return what a query of a panel shows; `row` is the value of the label that its legend names."""
        asked = [each for each in targets() if each.board["uid"] == "exai-postgres-server"]
        (target,) = (each for each in asked if (each.panel["title"], each.json["legendFormat"]) == (title, legend))
        assert isinstance(target, Target)
        rows = self.prometheus.query(target.expression(None, rate_interval="1m"), at=STARTED + after_s)
        found = [float(each["value"][1]) for each in rows if row in ("", *each["metric"].values())]
        return found[0] if found else None


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """Scrape a server before and after it has known trouble, as if a minute had passed."""
    home = tmp_path_factory.mktemp("postgres-server")
    text = home / "samples.txt"
    with ExitStack() as stack:
        postgres = stack.enter_context(postgres_server(home))
        prepare(postgres)
        dsn = postgres.dsn("watched")
        before, first = scraped(home, dsn), said(postgres, TOTALS)
        stack.enter_context(held(postgres))
        trouble(postgres)
        wait_for_statistics(postgres, first)
        oldest = said(postgres, OLDEST)[0]
        after, grown = scraped(home, dsn), [b - a for a, b in zip(first, said(postgres, TOTALS), strict=True)]
        without_rights = scraped(home, postgres.dsn("watched", "stranger"))
        open_for, size = (oldest, said(postgres, OLDEST)[0]), said(postgres, "select pg_database_size('watched')")[0]
        write(text, [before, before, after, after], without_rights)
        prometheus = stack.enter_context(remembering(home, text))
        yield Seen(prometheus, dict(zip(COUNTERS, grown, strict=True)), open_for, size)


def prepare(postgres: Postgres) -> None:
    """Make a table that the server has to read from the disk, and a login without rights.

    There was trouble before: Prometheus extrapolates no counter to before it was zero.
    """
    postgres.create("watched")
    with postgres.connect("watched") as connection:
        connection.execute("create table rows as select id, 0 as n from generate_series(1, 800000) id")
        connection.execute("create role stranger login")
    trouble(postgres)
    postgres.stop()
    postgres.start()


@contextmanager
def held(postgres: Postgres) -> Iterator[None]:
    """Hold connections open, one of them in a transaction."""
    with ExitStack() as stack:
        connections = [stack.enter_context(postgres.connect("watched")) for _ in range(CONNECTIONS)]
        connections[0].execute("begin")
        yield
        connections[0].execute("rollback")


def trouble(postgres: Postgres) -> None:
    """Read a table, roll transactions back, and make two of them wait for each other."""
    with postgres.connect("watched") as one, postgres.connect("watched") as other:
        one.execute("select sum(n) from rows")
        for _ in range(ROLLED_BACK):
            one.execute("begin")
            one.execute("rollback")
        for connection, row in ((one, 1), (other, 2)):
            connection.execute("set deadlock_timeout = '10ms'")
            connection.execute("begin")
            connection.execute("update rows set n = 1 where id = %s", (row,))
        waits = threading.Thread(target=lock_or_fail, args=(one, 2))
        waits.start()
        lock_or_fail(other, 1)
        waits.join()
        for connection in (one, other):
            connection.execute("commit")


def lock_or_fail(connection: psycopg.Connection[tuple[object, ...]], row: int) -> None:
    with suppress(psycopg.errors.DeadlockDetected):
        connection.execute("update rows set n = 2 where id = %s", (row,))


def wait_for_statistics(postgres: Postgres, first: list[float]) -> None:
    """Wait until the server has added up what its sessions did."""
    place = COUNTERS.index("deadlocks")
    servers.wait_until(lambda: said(postgres, TOTALS)[place] > first[place], what="the deadlock is counted")


def said(postgres: Postgres, query: str) -> list[float]:
    with postgres.connect("watched") as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row
    return [float(str(value)) for value in row]


def scraped(home: Path, dsn: str) -> list[str]:
    """Return the samples that a postgres_exporter has of a server."""
    with postgres_exporter_server(home, dsn) as exporter, urllib.request.urlopen(f"{exporter.url}/metrics") as reply:  # noqa: S310
        lines = reply.read().decode().splitlines()
    return [line for line in lines if line.startswith("pg_")]


def write(text: Path, scrapes: list[list[str]], without_rights: list[str]) -> None:
    moments = [STARTED + step * STEP_S for step in range(STEPS)] + [STARTED + SEEN_WITHOUT_RIGHTS_S]
    with text.open("w") as file:
        for moment, lines in zip(moments, [*scrapes, without_rights], strict=True):
            file.writelines(f"{line} {moment}\n" for line in lines)
        file.write("# EOF\n")


@contextmanager
def remembering(home: Path, text: Path) -> Iterator[servers.Prometheus]:
    """Run a Prometheus that has these samples."""
    with servers.prometheus_server(home, {}) as prometheus:
        prometheus.stop()
        make = [servers.binary("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(text)]
        subprocess.run([*make, str(home / "prometheus/data")], check=True, capture_output=True)
        prometheus.start()
        yield prometheus


def test_transactions_are_shown_as_they_ended(seen: Seen) -> None:
    seconds = (STEPS - 1) * STEP_S
    title = "Transactions"
    assert seen.grown["xact_rollback"] == ROLLED_BACK + 1, "the deadlock rolls one back"
    assert seen.shown(title, "rolled back") == pytest.approx((ROLLED_BACK + 1) / seconds)
    # The exporter's own queries, and ours, are transactions too.
    assert seen.shown(title, "committed") == pytest.approx(seen.grown["xact_commit"] / seconds, abs=20 / seconds)


def test_a_deadlock_is_shown(seen: Seen) -> None:
    assert seen.grown["deadlocks"] == 1
    assert seen.shown("Deadlocks", "deadlocks") == pytest.approx(60 / ((STEPS - 1) * STEP_S))


def test_the_cache_hit_ratio_is_that_of_the_blocks_that_were_read(seen: Seen) -> None:
    hit, read = seen.grown["blks_hit"], seen.grown["blks_read"]
    assert hit / (hit + read) < 0.9, "blocks came from the disk"
    assert seen.shown("Cache hit ratio", "from memory") == pytest.approx(hit / (hit + read), abs=0.02)


def test_the_longest_transaction_is_the_one_that_is_open(seen: Seen) -> None:
    shown = seen.shown("Longest transaction", "{{state}}", "idle in transaction")
    assert shown
    assert seen.open_for[0] <= shown <= seen.open_for[1]


def test_the_size_is_that_of_the_database(seen: Seen) -> None:
    assert seen.shown("Size of the databases", "{{datname}}", "watched") == pytest.approx(seen.size, rel=0.01)


@pytest.mark.parametrize("after_s", [SEEN_S, SEEN_WITHOUT_RIGHTS_S])
def test_connections_are_all_shown_whatever_the_login_may_see(seen: Seen, after_s: float) -> None:
    title = "Connections"
    used = seen.shown(title, "used", after_s=after_s)
    assert used
    assert CONNECTIONS < used <= CONNECTIONS + 5
    assert seen.shown(title, "limit", after_s=after_s) == 60


def test_a_login_without_rights_sees_no_transaction_of_another(seen: Seen) -> None:
    """The description of the panel says that it needs pg_monitor."""
    title, legend = "Longest transaction", "{{state}}"
    assert seen.shown(title, legend, "idle in transaction", SEEN_WITHOUT_RIGHTS_S) == 0
