"""Observations reach PostgreSQL as they are, also what happened while it was away."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.auditor.conftest import STARTED, Audited, alert
from tests.core.harness import running
from tests.database.conftest import database, shared_postgres  # noqa: F401
from tests.databases import Postgres, postgres_server
from tests.servers import wait_until

LATER = STARTED + timedelta(minutes=5)
COLUMNS = "metric_name, subject, started_at, resolved_at, severity, title, acknowledged"


@contextmanager
def copied_to(dsn: str, state: Path) -> Iterator[Audited]:
    with running(state, database_url=dsn, alertmanager_url="http://127.0.0.1:9") as exporter:
        yield Audited(exporter, state)


def rows(dsn: str, columns: str = COLUMNS) -> list[Any]:
    with psycopg.connect(dsn) as connection:
        query = f"select {columns} from public.cache_auditor_observations order by started_at, subject"  # noqa: S608
        return connection.execute(query.encode()).fetchall()


def wait_for(dsn: str, columns: str, wanted: list[Any]) -> None:
    wait_until(lambda: rows(dsn, columns) == wanted, what=f"{wanted}; there was {rows(dsn, columns)}")


def test_an_observation_is_copied_with_its_end_and_its_acknowledgement(database: str, tmp_path: Path) -> None:  # noqa: F811
    with copied_to(database, tmp_path) as audited:
        audited.send(alert(implementation="legacy"))
        wait_for(database, "title, resolved_at", [("kimi is down", None)])
        (found,) = audited.found()
        audited.send(alert(implementation="legacy", over=LATER))
        audited.acknowledge(f"/auditor/acknowledge/{found['id']}", {"who": "ada", "note": "seen"})
        said = "acknowledged, acknowledged_by, acknowledged_note"
        wait_for(database, f"resolved_at, {said}", [(LATER, True, "ada", "seen")])
        known = "id::text, subject, metric_name, severity, category, description, recommendation, implementation_type"
        assert rows(database, known) == [tuple(found[name.partition("::")[0]] for name in known.split(", "))]
        assert rows(database, "started_at, timestamp") == [(STARTED, STARTED)]
        assert rows(database, "metadata->'labels'->>'provider', metadata->>'dashboard'") == [("kimi", "/d/x")]
        wait_until(lambda: audited.running.value("exai_exporter_rows_written_total", table="observations") >= 2)


def test_a_later_start_ends_what_was_open_there(database: str, tmp_path: Path) -> None:  # noqa: F811
    with copied_to(database, tmp_path) as audited:
        audited.send(alert())
        wait_for(database, "resolved_at", [(None,)])
        audited.send(alert(startsAt=LATER.isoformat()))
        wait_for(database, "started_at, resolved_at", [(STARTED, LATER), (LATER, None)])


def test_an_exporter_that_lost_its_state_goes_on_with_the_rows_that_are_there(database: str, tmp_path: Path) -> None:  # noqa: F811
    sent = {"first": [alert()], "second": [alert()], "third": [alert(startsAt=LATER.isoformat())]}
    for state, alerts in sent.items():
        with copied_to(database, tmp_path / state) as audited:
            audited.send(*alerts)
            wait_until(lambda: audited.running.value("exai_exporter_rows_written_total", table="observations"))
    assert rows(database, "started_at, resolved_at") == [(STARTED, LATER), (LATER, None)]


def test_what_was_acknowledged_in_the_database_itself_stays_so(database: str, tmp_path: Path) -> None:  # noqa: F811
    with copied_to(database, tmp_path) as audited:
        audited.send(alert())
        wait_for(database, "acknowledged", [(False,)])
        with psycopg.connect(database) as connection:
            connection.execute(
                "update public.cache_auditor_observations set acknowledged = true, acknowledged_by = 'x'"
            )
        audited.send(alert(over=LATER))
        wait_for(database, "resolved_at, acknowledged, acknowledged_by", [(LATER, True, "x")])


def test_what_the_database_refuses_is_counted_and_holds_up_nothing(database: str, tmp_path: Path) -> None:  # noqa: F811
    with psycopg.connect(database) as connection:
        connection.execute("alter table public.cache_auditor_observations add check (title <> 'bad')")
    with copied_to(database, tmp_path) as audited:
        audited.send(alert("Bad", annotations={"summary": "bad"}), alert("Good"))
        wait_for(database, "metric_name", [("Good",)])
        dropped = "exai_exporter_rows_dropped_total"
        wait_until(lambda: audited.running.value(dropped, table="observations", reason="refused") == 1)


def test_a_label_of_any_length_is_kept(database: str, tmp_path: Path) -> None:  # noqa: F811
    with copied_to(database, tmp_path) as audited:
        # Neither short nor such that PostgreSQL could make it so.
        long = "".join(random.Random(1).choices("äöüéèêàâîôûç\0", k=10_000))
        audited.send(*(alert(service=long + ending) for ending in "ab"))
        wait_for(database, "metric_name", [("ExaiProviderDown",)] * 2)
        assert len({subject for (subject,) in rows(database, "subject")}) == 2


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    with postgres_server(tmp_path, durable=True) as server:
        yield server


def test_what_happens_while_postgres_is_away_is_copied_when_it_is_back(postgres: Postgres, tmp_path: Path) -> None:
    dsn = postgres.migrated("away")
    many = [alert(service=f"s{number:03}") for number in range(600)]
    with copied_to(dsn, tmp_path / "state") as audited:
        postgres.kill()
        audited.send(*many)
        audited.send(*(alert(service=f"s{number:03}", over=LATER) for number in range(300)))
        assert audited.running.client.get("/alerts/active?limit=1").get_json()["total"] == 300
    postgres.start()
    with copied_to(dsn, tmp_path / "state"):
        wait_until(lambda: len(rows(dsn)) == 600, 60, "all are copied")
    assert [resolved for (resolved,) in rows(dsn, "resolved_at")] == [LATER] * 300 + [None] * 300
