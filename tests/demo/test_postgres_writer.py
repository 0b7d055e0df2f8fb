"""The demo writes a cache's operations to PostgreSQL, each once, and never beside a real cache's."""

from __future__ import annotations

import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter import tokens
from exporter.database import baselines
from exporter.demo import call_sites
from exporter.demo.postgres_writer import PostgresWriter
from exporter.demo.shapes import CacheEvent
from tests.databases import Postgres, postgres_server
from tests.demo.conftest import Intake
from tests.demo.story import START, story
from tests.demo.test_demo_command import finish, running
from tests.servers import Server, wait_until

OPERATIONS: list[CacheEvent] = [event for event in story(30) if event["kind"] == "cache"]
TEMPLATE = "template_demo"
RATE = 20.0

StartExporter = Callable[[Mapping[str, str]], Server]
Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server with a database to copy, which has the schema."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        server.migrated(TEMPLATE)
        yield server


@pytest.fixture
def dsn(postgres: Postgres, request: pytest.FixtureRequest) -> str:
    """The address of a database of the test's own."""
    return postgres.create(f"demo_{abs(hash(request.node.nodeid))}", TEMPLATE)


@pytest.fixture
def claimed(dsn: str) -> str:
    """The same, with the past of a demo: a run that is cut short has no time to write one."""
    assert record(dsn, OPERATIONS[:1]).tally.sent == 1
    with psycopg.connect(dsn) as connection:
        connection.execute("delete from public.cache_metrics")
    return dsn


@pytest.fixture
def database(dsn: str) -> Iterator[Connection]:
    """A connection to it."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@contextmanager
def writing(dsn: str) -> Iterator[PostgresWriter]:
    """A writer that has written everything when the block ends."""
    writer = PostgresWriter(dsn, Random(5), RATE)
    writer.start()
    try:
        yield writer
    finally:
        writer.close(grace_s=30)


def record(dsn: str, events: list[CacheEvent]) -> PostgresWriter:
    with writing(dsn) as writer:
        for event in events:
            writer.record(event)
    return writer


def fetch(connection: Connection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(query.encode()).fetchall()


def test_each_operation_is_a_row_with_an_id_of_its_own(dsn: str, database: Connection) -> None:
    writer = record(dsn, OPERATIONS)
    assert writer.tally.sent == len(OPERATIONS)
    found = fetch(database, "select operation_type, implementation_type, count(*) from cache_metrics group by 1, 2")
    assert {(operation, name): count for operation, name, count in found} == Counter(
        (event["operation"], event["implementation"]) for event in OPERATIONS
    )
    assert fetch(database, "select count(distinct event_id) from cache_metrics") == [(len(OPERATIONS),)]
    first = OPERATIONS[0]
    query = "select cache_key, response_time_ms, cache_size, extract(epoch from timestamp) from cache_metrics limit 1"
    key, took_ms, size, at = fetch(database, query)[0]
    assert (key, took_ms, size) == (first["cache_key"], first["response_time_ms"], first["cache_size"])
    assert START <= float(str(at)) <= START + 30


def test_a_second_run_adds_to_the_first(dsn: str, database: Connection) -> None:
    for _ in range(2):
        record(dsn, OPERATIONS[:5])
    assert fetch(database, "select count(*) from cache_metrics") == [(10,)]
    assert fetch(database, "select count(*) from cache_auditor_observations where resolved_at is null") == [(1,)]


def test_a_new_database_gets_two_weeks_of_hours_baselines_and_an_observation(dsn: str, database: Connection) -> None:
    record(dsn, OPERATIONS[:1])
    assert fetch(database, "select count(*), count(distinct hour_window) from cache_metrics_1hour") == [(672, 336)]
    counts = "select sum(total_operations), sum(hits) from cache_metrics_1"
    assert fetch(database, f"{counts}min") == fetch(database, f"{counts}hour")
    legacy, new = baselines.read(database)
    assert (legacy.implementation, new.implementation) == ("legacy", "new")
    assert float(legacy.hit_ratio) == pytest.approx(0.5, abs=0.05)
    assert float(new.hit_ratio) == pytest.approx(0.68, abs=0.05)
    select = "select subject, metric_name from cache_auditor_observations where resolved_at is null"
    assert fetch(database, select) == [("legacy", "hit_rate")]
    assert fetch(database, "select count(*) > 1000 from monitoring.traces where metadata ? 'simulated'") == [(True,)]


def test_what_the_hours_are_made_of_is_never_counted(dsn: str, database: Connection) -> None:
    record(dsn, OPERATIONS[:1])
    assert fetch(database, "select count(*) from cache_metrics") == [(1,)]


def test_a_real_caches_database_is_left_alone(dsn: str, database: Connection) -> None:
    database.execute("insert into cache_metrics (operation_type, implementation_type) values ('hit', 'new')")
    writer = record(dsn, OPERATIONS[:5])
    assert writer.tally.refused == 5
    assert "real cache" in writer.tally.trouble
    assert fetch(database, "select count(*) from cache_metrics") == [(1,)]
    assert fetch(database, "select count(*) from cache_metrics_1hour") == [(0,)]


def test_what_postgres_missed_comes_when_it_is_back(tmp_path: Path) -> None:
    with postgres_server(tmp_path) as server:
        dsn = server.migrated("away")
        server.kill()
        with writing(dsn) as writer:
            writer.record(OPERATIONS[0])
            wait_until(lambda: writer.tally.trouble, what="a first try")
            server.start()
            wait_until(lambda: writer.tally.sent == 1, 30, "the operation to be written")


def test_with_a_database_the_cache_is_not_pushed_and_errors_have_tracebacks(
    intake: Intake, claimed: str, database: Connection, tmp_path: Path
) -> None:
    options = ("--for", "4", "--seed", "1", "--incident", "redis-down", "--incident-after", "0")
    with running(tmp_path, *options, "--exporter", intake.url, "--database", claimed) as process:
        (tmp_path / "push-token").write_text("secret\n")
        output = finish(process)
    events = intake.events()
    assert "cache" not in {event["kind"] for event in events}
    ((rows,),) = fetch(database, "select count(*) from cache_metrics")
    assert f"postgres: {rows} sent, 0 dropped, 0 refused" in output
    errors = [event for event in events if event["kind"] == "connection" and event["error"]]
    assert errors
    captured = [event for event in errors if "error_traceback" in event["metadata"]]
    assert {event["connection_type"] for event in captured} >= {"redis"}
    assert all(event["metadata"]["error_traceback"].endswith(event["error"]) for event in captured)


def test_only_the_database_of_a_demos_bundle_is_written_to_unasked(intake: Intake, dsn: str, tmp_path: Path) -> None:
    (tmp_path / "push-token").write_text("secret\n")
    intake.environment, listen = "demo", intake.url.removeprefix("http://")
    own = f"{dsn}?passfile={tmp_path / tokens.PASSFILE}"
    with running(tmp_path, "--for", "3", EXAI_LISTEN=listen, EXAI_DATABASE_URL=dsn) as process:
        assert "postgres" not in finish(process)
    with running(tmp_path, "--for", "3", "--exporter", intake.url, EXAI_DATABASE_URL=own) as process:
        assert "postgres" not in finish(process)
    with running(tmp_path, "--for", "3", EXAI_LISTEN=listen, EXAI_DATABASE_URL=own) as process:
        assert "postgres: " in finish(process)


def test_the_exporter_counts_each_operation_once_and_keeps_the_errors(
    exporter_server: StartExporter, claimed: str, database: Connection, tmp_path: Path
) -> None:
    exporter = exporter_server({"EXAI_DATABASE_URL": claimed})
    options = ("--for", "6", "--seed", "3", "--exporter", exporter.url, "--database", claimed)
    with running(tmp_path / "state", *options, "--incident", "error-burst", "--incident-after", "0") as process:
        assert finish(process).count("0 dropped, 0 refused") == 2

    def counted() -> float:
        with urllib.request.urlopen(f"{exporter.url}/metrics", timeout=5) as reply:  # noqa: S310
            families = text_string_to_metric_families(reply.read().decode())
        operations = (family for family in families if family.name == "exai_cache_operations")
        return sum(sample.value for family in operations for sample in family.samples)

    ((rows,),) = fetch(database, "select count(*) from cache_metrics")
    wait_until(lambda: counted() >= float(str(rows)), what="every row counted")
    assert counted() == rows
    wait_until(lambda: fetch(database, "select count(traceback) > 0 from monitoring.errors")[0][0], what="tracebacks")


def test_a_traceback_names_the_scripts_function_and_ends_in_the_error() -> None:
    text = call_sites.traceback_of("ValueError: no", call_sites.SEND)
    assert text.startswith('Traceback (most recent call last):\n  File "/app/src/ws_server.py", line ')
    assert ", in _safe_send\n" in text
    assert text.endswith("\nValueError: no")
