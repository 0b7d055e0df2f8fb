"""The rows and events of one conversation can be counted and deleted, and no others are deleted with them."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from exporter.cli import cli
from exporter.database import conversations, migrations
from exporter.pseudonyms import pseudonym
from exporter.state_dir import STORE
from tests.core.harness import Running, running
from tests.database.test_writer import NOW, spooled, trace
from tests.databases import Postgres, as_supabase
from tests.served_app import served_app
from tests.servers import ROOT, wait_until

ONE, OTHER = "3f1c9f0e-7a34-4f5e-9d55-0a51c6a3c9f1", "8e7ad0b2-53a6-4d0b-8d5c-c0b0f9f8b8aa"
TABLES = ("traces", "spans", "errors", "model_calls", "monitoring_events", "metrics_raw")
PRIVATE = "api_key=hunter2 prompt: 'quokkas' from 203.0.113.77"
PLAIN: Sequence[str] = (ONE, pseudonym(ONE), "", "sha256:", "ü 會話", pseudonym(ONE).upper(), "a" * 300, "'; --\\")

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def rows(database: str) -> Iterator[Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def counts(rows: Connection) -> dict[str, int]:
    """How many rows each table has."""
    query = "select count(*) from monitoring.{}"
    found = {table: rows.execute(query.format(table).encode()).fetchone() for table in TABLES}
    return {table: row[0] for table, row in found.items() if row}


def failed_request(trace_id: str) -> dict[str, Any]:
    return {
        "kind": "http", "service": "api", "route": "/x", "method": "GET", "status": 502, "duration_ms": 3,
        "timestamp": NOW, "error": PRIVATE, "trace_id": trace_id,
    }  # fmt: skip


def call(conversation: str, trace_id: str) -> dict[str, Any]:
    return {
        "kind": "duration", "model": "kimi-k2", "duration_ms": 5, "timestamp": NOW, "conversation_id": conversation,
        "trace_id": trace_id,
    }  # fmt: skip


def events() -> list[dict[str, Any]]:
    """Three requests of one conversation, two of another, and of each a call and the errors of two traces."""
    traces = [trace(number, conversation_id=ONE if number < 3 else OTHER) for number in range(5)]
    errors = [failed_request(trace_id) for trace_id in ("t0", "t3", "of a call", "of another call")]
    return [*traces, *errors, call(ONE, "of a call"), call(OTHER, "of another call")]


def write_as_a_gateway(rows: Connection) -> None:
    """Write a row into each raw table for each conversation, with its plain id in different places."""
    for plain in (ONE, OTHER):
        rows.execute(
            "insert into monitoring.monitoring_events (event_type, timestamp, source, data, metadata) values "
            "('connection_event', now(), 's', %s, '{}'), ('state_sync', now(), 's', '{}', %s)",
            (json.dumps({"metadata": {"session_id": plain}}), json.dumps({"conversation": plain})),
        )
        rows.execute("insert into monitoring.metrics_raw (type, data) values ('performance', %s)",
                     (json.dumps({"continuation_id": plain}),))  # fmt: skip
        rows.execute("insert into public.cache_metrics (operation_type, implementation_type, cache_key) values "
                     "('hit', 'new', %s), ('hit', 'new', %s)", (f"thread:{plain}", f"{plain}-not-it"))  # fmt: skip


def run(*arguments: str, dsn: str, state_dir: Path, stdin: str = "") -> Result:
    env = {"EXAI_DATABASE_URL": dsn, "EXAI_STATE_DIR": str(state_dir), "EXAI_CONFIG": ""}
    return CliRunner().invoke(cli, ("conversations", *arguments), env=env, input=stdin)


def recent(exporter: Running) -> list[str]:
    """The conversations of the recent events."""
    token = (exporter.app.settings.state_path / "admin-token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    reply = exporter.client.get("/api/v1/events/recent?limit=1000", headers=headers)
    named = (entry.get("event", {}).get("conversation_id") for entry in json.loads(reply.text)["events"])
    return [conversation for conversation in named if conversation]


@pytest.mark.parametrize("plain", PLAIN)
def test_postgresql_makes_the_same_hashes(rows: Connection, plain: str) -> None:
    assert rows.execute("select monitoring.pseudonym(%s)", (plain,)).fetchone() == (pseudonym(plain),)


def test_a_migration_hashes_the_ids_of_older_traces_once(shared_postgres: Postgres) -> None:
    dsn = shared_postgres.create("older")
    everything = migrations.load()
    older = [each for each in everything if each.name != "pseudonyms"]
    (newer,) = (each for each in everything if each.name == "pseudonyms")
    with psycopg.connect(dsn, autocommit=True) as connection:
        as_supabase(connection)
        list(migrations.apply(connection, older))
        insert = """insert into monitoring.traces (trace_id, tool_name, conversation_id, status, started_at, ended_at)
            values (%s, 'chat', %s, 'ok', now() - %s * interval '1 day', now())"""
        kept = [("t1", ONE, 0), ("t2", ONE, 20), ("t3", OTHER, 3), ("t4", None, 1), ("t5", pseudonym(ONE), 1)]
        for row in kept:
            connection.execute(insert.encode(), row)
        for _ in range(2):
            connection.execute(newer.sql.encode())
            found = connection.execute("select trace_id, conversation_id from monitoring.traces order by 1").fetchall()
            assert found == [(trace_id, plain and pseudonym(plain)) for trace_id, plain, _ in kept]
    shared_postgres.connect("postgres").execute("drop database older with (force)")


def test_the_rows_of_one_conversation_are_deleted_everywhere(rows: Connection, database: str, tmp_path: Path) -> None:
    with running(tmp_path, database_url=database, checkpoint_interval_s=0.1) as exporter:
        exporter.push(events())
        write_as_a_gateway(rows)
        wait_until(lambda: counts(rows)["spans"] == 10, what="the traces are kept")
        wait_until(lambda: counts(rows)["errors"] == 4, what="the errors are kept")
        wait_until(lambda: counts(rows)["model_calls"] == 2, what="the calls are kept")
        exporter.samples()
        before = counts(rows)
        assert before == {
            "traces": 5,
            "spans": 10,
            "errors": 4,
            "model_calls": 2,
            "monitoring_events": 4,
            "metrics_raw": 2,
        }
        assert sorted(recent(exporter)) == sorted([pseudonym(ONE)] * 4 + [pseudonym(OTHER)] * 3)
        with served_app(exporter.app.wsgi()) as url:
            shown = run("show", ONE, dsn=database, state_dir=tmp_path)
            done = run("delete", "-", "--exporter", url, dsn=database, state_dir=tmp_path, stdin=f"{ONE}\n")
        for result in (shown, done):
            assert result.exit_code == 0, result.output
            assert result.output.splitlines()[0] == pseudonym(ONE)
            assert {
                "  monitoring.traces: 3 rows", "  monitoring.spans: 6 rows", "  monitoring.errors: 2 rows",
                "  monitoring.model_calls: 1 rows",
                "  monitoring.monitoring_events: 2 rows", "  monitoring.metrics_raw: 1 rows",
                "  public.cache_metrics: 1 rows",
            } <= set(result.output.splitlines())  # fmt: skip
        assert {"  recent_events: 4 events", "  spooled_events: 0 events"} <= set(done.output.splitlines())
        assert counts(rows) == {
            "traces": 2,
            "spans": 4,
            "errors": 2,
            "model_calls": 1,
            "monitoring_events": 2,
            "metrics_raw": 1,
        }
        assert rows.execute("select count(*) from public.cache_metrics").fetchone() == (3,)
        assert recent(exporter) == [pseudonym(OTHER)] * 3
        assert set(conversations.count(rows, ONE).values()) == {0}
        exporter.push([trace(9, conversation_id=ONE)])
        exporter.samples()
        assert recent(exporter).count(pseudonym(ONE)) == 1, "a conversation that goes on is kept again"


def test_events_that_wait_for_postgresql_are_deleted_on_disk(tmp_path: Path) -> None:
    nowhere = "postgresql://postgres@127.0.0.1:1/none"
    with running(tmp_path, database_url=nowhere, checkpoint_interval_s=300) as exporter:
        exporter.push(events())
        with served_app(exporter.app.wsgi()) as url:
            done = run("delete", ONE, "--exporter", url, dsn="", state_dir=tmp_path)
        assert done.exit_code == 0, done.output
        assert {"  recent_events: 4 events", "  spooled_events: 6 events"} <= set(done.output.splitlines())
        assert spooled(tmp_path) == 4
        files = [path for path in tmp_path.iterdir() if path.name.startswith(STORE)]
        assert not [path for path in files if pseudonym(ONE).encode() in path.read_bytes()]
        with sqlite3.connect(tmp_path / STORE) as store:
            kept = [event for (event,) in store.execute("SELECT event FROM spool ORDER BY id")]
        assert [pseudonym(OTHER).encode() in event for event in kept] == [True, True, False, False]
        assert b"api_key=*** prompt: *** from 203.0.113.0" in kept[2]


def test_nothing_is_deleted_while_the_exporter_cannot_be_reached(
    rows: Connection, database: str, tmp_path: Path
) -> None:
    write_as_a_gateway(rows)
    done = run("delete", ONE, "--exporter", "http://127.0.0.1:1", dsn=database, state_dir=tmp_path)
    assert done.exit_code == 1
    assert "nothing is deleted: http://127.0.0.1:1 does not answer" in done.output
    assert counts(rows)["monitoring_events"] == 4


def test_only_an_administrator_may_delete(tmp_path: Path) -> None:
    with running(tmp_path) as exporter:
        push_token = (tmp_path / "push-token").read_text().strip()
        reply = exporter.client.post("/api/v1/conversations/delete", json={"conversation": ONE},
                                     headers={"Authorization": f"Bearer {push_token}"})  # fmt: skip
        assert reply.status_code == 401
        admin = {"Authorization": f"Bearer {(tmp_path / 'admin-token').read_text().strip()}"}
        for body in ({}, {"conversation": ""}, {"conversation": 7}):
            assert exporter.client.post("/api/v1/conversations/delete", json=body, headers=admin).status_code == 400


def test_the_page_on_privacy_lists_every_table_with_its_retention(rows: Connection) -> None:
    page = (ROOT / "docs/privacy.md").read_text()
    listed = {}
    for line in page.splitlines():
        if line.startswith(("| `monitoring.", "| `public.")):
            tables, _, keeps, deletion = line.strip("|").split("|")
            listed |= {table: (keeps.strip(), deletion.strip()) for table in re.findall(r"`([\w.]+)`", tables)}
    kept = rows.execute("select relation, keep::text from monitoring.retention").fetchall()
    written = {"1 day": "24 hours", "24:00:00": "24 hours", "1 year": "1 year"}
    assert {table: listed[table][0] for table, _ in kept} == {table: written.get(keep, keep) for table, keep in kept}
    deleted = {table for table, (_, deletion) in listed.items() if deletion.startswith("deletes")}
    assert deleted == {holder.table for holder in conversations.HOLDERS}
    for command in (f"conversations show {ONE}", f"echo {ONE} | exai-exporter conversations delete -"):
        assert command in page
    assert f'"conversation": "{pseudonym(ONE)}"' in (ROOT / "docs/api.md").read_text()
