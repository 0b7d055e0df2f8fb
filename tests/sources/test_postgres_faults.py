"""Whatever happens to PostgreSQL or to the exporter, each row counts once."""

from __future__ import annotations

import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import psycopg
import pytest

from exporter import conventions as series
from exporter.sources.postgres_place import StandbyError
from exporter.types import SourceHealth
from tests import servers
from tests.core.harness import samples, total
from tests.databases import Postgres, postgres_server
from tests.servers import wait_until
from tests.sources.gateway import Ledger
from tests.sources.postgres import Tail, hits
from tests.sources.standby import standby_of

Start = Callable[[Mapping[str, str]], servers.Server]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    """A PostgreSQL of the test's own, which loses nothing that it has committed."""
    with postgres_server(tmp_path, durable=True) as server:
        server.migrated("exai")
        yield server


@pytest.fixture
def tail(server: Postgres) -> Iterator[Tail]:
    tail = Tail(server.dsn())
    yield tail
    tail.pool.close()


def write(server: Postgres, count: int, implementation: str = "new") -> None:
    with server.connect() as connection:
        hits(connection, count, implementation)


def read_anew(tail: Tail) -> Ledger:
    """As the runner does: what fails is begun again."""
    stop = Flag()

    class Reached(SourceHealth):
        def read_to_end(self, lack: str = "") -> None:
            super().read_to_end(lack)
            stop.set()

    def tried() -> bool:
        try:
            tail.source.run(tail.ledger, Reached(lambda: 0.0), stop)
        except psycopg.OperationalError:
            return False
        return True

    wait_until(tried, what="the source reads again")
    return tail.ledger


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_of_postgres_loses_and_repeats_nothing(server: Postgres, tail: Tail, end: str) -> None:
    write(server, 1000)
    read_anew(tail)
    write(server, 500)
    getattr(server, end)()
    with pytest.raises(psycopg.Error):
        tail.source.run(tail.ledger, SourceHealth(lambda: 0.0), Flag())
    server.start()
    write(server, 300)
    read_anew(tail)
    assert tail.counted == 1800


def test_commits_that_a_crash_undoes_do_not_hide_those_that_get_their_numbers(server: Postgres, tail: Tail) -> None:
    write(server, 10)
    read_anew(tail)
    read = tail.ledger.position_["read"]
    with server.connect() as connection:
        connection.execute("alter database exai set synchronous_commit = off")
    # What a crash would have undone: the source stands behind transactions that were never made.
    oldest = int(read.split(b'"snapshot":"')[1].split(b":")[0])
    ahead = b"%d:%d:" % (oldest + 400, oldest + 400)
    tail.ledger.position_["read"] = read.replace(b"%d:%d:" % (oldest, oldest), ahead)
    assert ahead in tail.ledger.position_["read"]
    write(server, 25)
    tail.restart()
    read_anew(tail)
    write(server, 5)
    read_anew(tail)
    assert (tail.counted, tail.repeated > 0) == (40, True)


def test_rows_that_were_restored_into_another_server_count_once(server: Postgres, tail: Tail, tmp_path: Path) -> None:
    with server.connect() as connection:
        for _ in range(3000):
            connection.execute("select pg_current_xact_id()")
    write(server, 100, "before")
    read_anew(tail)
    write(server, 30, "unread")
    (other := tmp_path / "other").mkdir()
    with postgres_server(other) as restored:
        restored.migrated("exai")
        programs = next(Path("/usr/lib/postgresql").glob("*/bin"))
        dump = subprocess.run(
            [programs / "pg_dump", "--data-only", "--load-via-partition-root", "--table=public.cache_metrics",
             "--table=monitoring_days.cache_metrics_*", server.dsn()],
            capture_output=True, check=True,
        )  # fmt: skip
        subprocess.run([programs / "psql", "-q", restored.dsn()], input=dump.stdout, check=True)
        write(restored, 50, "after")
        tail.move_to(restored.dsn())
        read_anew(tail)
        counts = {
            name: tail.ledger.total(series.CACHE_OPERATIONS, implementation=name) for name in ("before", "unread")
        }
        assert (counts, tail.counted) == ({"before": 100, "unread": 30}, 180)
        with restored.connect() as connection:
            for _ in range(4000):
                connection.execute("select pg_current_xact_id()")
        write(restored, 7, "after")
        read_anew(tail)
        assert tail.counted == 187, "numbers that restored rows bring along are not taken for new ones"
        tail.pool.close()


def test_a_standby_is_refused_and_its_promotion_counts_on(server: Postgres, tail: Tail, tmp_path: Path) -> None:
    write(server, 100)
    read_anew(tail)
    write(server, 20)
    with standby_of(server, tmp_path) as standby:
        tail.move_to(standby.dsn())
        with pytest.raises(StandbyError):
            tail.poll()
        server.kill()
        with standby.connect() as connection:
            connection.execute("select pg_promote()")
        write(standby, 11)
        read_anew(tail)
        there = tail.ledger.total(series.CACHE_OPERATIONS, implementation="new")
        assert there == 131
        tail.pool.close()


def test_a_notification_wakes_the_source(server: Postgres, tail: Tail) -> None:
    tail.source._poll_interval_s = 60.0
    stop, health = Flag(), SourceHealth(lambda: 0.0)
    thread = Thread(target=tail.source.run, args=(tail.ledger, health, stop))
    thread.start()
    try:
        wait_until(lambda: health.up, what="the first poll")
        for count in (1, 2, 3):
            write(server, 1)
            wait_until(lambda count=count: tail.counted == count, what="a row is read at once")
    finally:
        stop.set()
        write(server, 1)
        thread.join()


def test_ten_thousand_small_transactions_do_not_make_us_poll_for_each(server: Postgres, tail: Tail) -> None:
    polls: list[int] = []
    poll = tail.source.poll
    tail.source.poll = lambda intake: (polls.append(1), poll(intake))[1]  # type: ignore[method-assign]
    stop = Flag()
    thread = Thread(target=tail.source.run, args=(tail.ledger, SourceHealth(lambda: 0.0), stop))
    thread.start()
    try:
        with server.connect() as connection:
            connection.execute("set synchronous_commit = off")
            for _ in range(2000):
                connection.execute(
                    "insert into public.cache_metrics (operation_type, implementation_type) values ('hit', 'new')"
                )
        wait_until(lambda: tail.counted == 2000, what="all are read")
    finally:
        stop.set()
        thread.join()
    assert len(polls) < 200


def test_a_kill_of_the_exporter_under_twenty_thousand_rows_leaves_the_counts_exact(
    server: Postgres, exporter_server: Start
) -> None:
    exporter = exporter_server({"EXAI_DATABASE_URL": server.dsn()})
    done = threading.Event()

    def fill() -> None:
        with server.connect() as slow, server.connect() as fast:
            for number in range(50):
                slow.execute("begin")
                hits(slow, 100, "slow")
                for _ in range(3):
                    hits(fast, 100, "fast")
                slow.execute("commit")
                done.wait(0.02)
                if number == 25:
                    done.wait(0.5)
        done.set()

    writer = Thread(target=fill)
    writer.start()
    for _ in range(3):
        wait_until(lambda: shown(exporter, "new", "fast") > 0 or done.is_set(), what="rows arrive")
        exporter.kill()
        exporter.start()
    writer.join()
    wait_until(lambda: shown(exporter, "slow", "fast") >= 20_000, what="all rows are counted")
    assert (shown(exporter, "slow"), shown(exporter, "fast")) == (5000, 15_000)
    assert metric(exporter, "exai_exporter_events_rejected_total") == 0


def test_postgres_away_at_the_start_silences_nobody(exporter_server: Start) -> None:
    nowhere = f"postgresql://postgres:hunter2@127.0.0.1:{servers.free_port()}/exai"
    exporter = exporter_server({"EXAI_DATABASE_URL": nowhere})
    assert metric(exporter, "exai_exporter_source_up", source="postgres") == 0
    assert metric(exporter, "exai_exporter_source_up", source="postgres_writer") == 0
    assert metric(exporter, "exai_exporter_source_up", source="http") == 1
    event = b'{"connection_type": "kimi", "direction": "error", "timestamp": %d, "error": "Boom: x"}'
    request = urllib.request.Request(  # noqa: S310
        exporter.url + "/api/v1/events", event % 1_700_000_000, {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
    wait_until(lambda: metric(exporter, "exai_connection_errors_total") == 1, what="the pushed event counts")
    wait_until(lambda: metric(exporter, "exai_exporter_rows_spooled") == 1, what="the error waits for PostgreSQL")
    assert "hunter2" not in exporter.log.read_text()


def shown(exporter: servers.Server, *implementations: str) -> float:
    return sum(metric(exporter, "exai_cache_operations_total", implementation=name) for name in implementations)


def metric(exporter: servers.Server, name: str, **labels: str) -> float:
    with urllib.request.urlopen(exporter.url + "/metrics", timeout=10) as reply:  # noqa: S310
        return total(samples(reply.read().decode()), name, **labels)
