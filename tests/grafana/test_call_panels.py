"""The queries of the board of model calls give the right rows, by an index, against a real Postgres."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from tests.databases import postgres_server
from tests.grafana import kept_calls
from tests.grafana.kept_calls import DEAR, REFUSED, SLOW
from tests.grafana.shipped import SqlTarget, sql_targets

TARGETS = [target for target in sql_targets() if target.board["uid"] == "exai-model-calls"]
BY_TITLE = {target.panel["title"]: target for target in TARGETS}

Connection = psycopg.Connection[DictRow]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A database with a day of model calls."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        dsn = server.migrated("calls")
        with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
            kept_calls.keep(connection)
            yield connection


def rows(database: Connection, title: str, **chosen: str) -> list[DictRow]:
    """Return what the panel of that title reads of the last 15 minutes."""
    now = datetime.now(UTC)
    return database.execute(BY_TITLE[title].statement(now - timedelta(minutes=15), now, chosen)).fetchall()


def test_calls_are_counted_and_those_without_a_price_told_apart(database: Connection) -> None:
    assert rows(database, "Kept calls", provider="kimi") == [
        {"calls": 17, "failed": 1, "cost": pytest.approx(15 * 0.0002 + 0.129), "not priced": 0}
    ]
    (glm,) = rows(database, "Kept calls", provider="glm")
    assert (glm["calls"], glm["failed"], glm["cost"], glm["not priced"]) == (17, 2, None, 15)


def test_models_are_compared(database: Connection) -> None:
    found = {row["model"]: row for row in rows(database, "Models")}
    assert (found["kimi-k2"]["p50"], found["kimi-k2"]["p95"]) == (2, 300)
    assert (found["kimi-k2"]["total_tokens"], found["glm-4.6"]["total_tokens"]) == (15 * 150 + 120_000, 15 * 150)
    assert list(rows(database, "Models", model="glm-4.6")[0])[:2] == ["provider", "model"]
    assert rows(database, "Models", model="glm") == []


def test_the_slowest_calls_come_first(database: Connection) -> None:
    found = rows(database, "Slowest calls")
    assert (found[0]["trace_id"], found[0]["took"], found[0]["first_token"]) == (SLOW, 300, 9)
    assert (found[1]["trace_id"], found[1]["thinking_mode"]) == (DEAR, "high")
    took = [row["took"] for row in found]
    assert took == sorted(took, reverse=True)


def test_the_dearest_calls_come_first_and_those_without_a_price_are_left_out(database: Connection) -> None:
    found = rows(database, "Dearest calls")
    assert (found[0]["trace_id"], found[0]["cost_dollars"], found[0]["output_reasoning_tokens"]) == (DEAR, 0.129, 20000)
    assert {row["model"] for row in found} == {"kimi-k2"}


def test_a_failed_call_leads_to_its_own_error_and_to_no_other(database: Connection) -> None:
    found = rows(database, "Failed calls, newest first")
    assert [(row["error_type"], row["trace_id"]) for row in found] == [
        ("server_error", None),
        ("rate_limited", REFUSED),
        ("timeout", SLOW),
    ]
    errors = database.execute(
        "select e.id::text from monitoring.errors e join monitoring.model_calls c using (timestamp) "
        "where c.trace_id = %s and e.message = c.error",
        (REFUSED,),
    ).fetchall()
    assert [row["error_id"] for row in found] == [None, errors[0]["id"], None]


def test_a_conversation_is_shown_alone(database: Connection) -> None:
    assert [row["trace_id"] for row in rows(database, "Slowest calls", conversation=" 95199123 ")] == [SLOW, DEAR]
    assert rows(database, "Slowest calls", conversation="'; drop table monitoring.model_calls; --") == []


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.mark.parametrize("target", TARGETS, ids=map(str, TARGETS))
def test_a_query_reads_by_an_index(target: SqlTarget, database: Connection) -> None:
    now = datetime.now(UTC)
    asked = b"explain (format json) " + target.statement(now - timedelta(minutes=15), now)
    with database.transaction():
        database.execute("set local enable_seqscan = off")  # a thousand rows are read faster without an index
        (plan,) = database.execute(asked).fetchall()
    kinds = {node["Node Type"] for node in nodes(plan["QUERY PLAN"][0]["Plan"]) if "Relation Name" in node}
    assert kinds <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}


def predicted(database: Connection, since: timedelta, part: int = 0, **chosen: str) -> list[DictRow]:
    """Return what a question of the chart of predicted timeouts reads of the time since then."""
    now = datetime.now(UTC)
    title = "Predicted against actual, call by call"
    target = [target for target in TARGETS if target.panel["title"] == title][part]
    return database.execute(target.statement(now - since, now, chosen)).fetchall()


def test_each_call_with_a_learned_timeout_is_a_point_with_its_model(database: Connection) -> None:
    found = predicted(database, timedelta(minutes=15))
    points = {(row["model"], row["predicted"], row["took"]) for row in found}
    assert points == {("kimi-k2", 60, 2), ("glm-4.6", 60, 3)}
    assert len(found) == 2 * 15


def test_a_chosen_model_has_a_point_for_each_of_its_calls(database: Connection) -> None:
    found = predicted(database, timedelta(minutes=15), model="kimi-k2")
    assert [row["took"] for row in found] == [2] * 15


def test_a_long_range_is_sampled_evenly_and_not_by_its_last_calls(database: Connection) -> None:
    found = predicted(database, timedelta(hours=24), model="kimi-k2")
    assert len(found) == 600
    ended = sorted(row["timestamp"] for row in found)
    steps = [later - earlier for earlier, later in pairwise(ended)]
    assert max(steps) <= timedelta(minutes=6)
    assert datetime.now(UTC) - ended[0] > timedelta(hours=23, minutes=50)


def test_static_timeouts_and_calls_that_ended_early_are_no_points(database: Connection) -> None:
    with database.transaction(force_rollback=True):
        database.execute(
            "insert into monitoring.model_calls (timestamp, provider, model, outcome, duration_ms, "
            "estimated_timeout_s, estimate_source) values "
            "(now() - interval '90 seconds', 'kimi', 'static', 'ok', 1000, 300, 'static'), "
            "(now() - interval '90 seconds', 'kimi', 'failed', 'error', 20, 60, 'adaptive'), "
            "(now() - interval '90 seconds', 'kimi', 'given-up', 'timeout', 20000, 60, 'shadow'), "
            "(now() - interval '90 seconds', 'kimi', 'cut-off', 'timeout', 70200, 70, 'adaptive')"
        )
        found = predicted(database, timedelta(minutes=15), model="static|failed|given-up|cut-off")
        edge = predicted(database, timedelta(minutes=15), part=1)
    assert [(row["model"], row["predicted"], row["took"]) for row in found] == [("cut-off", 70, 70.2)]
    assert [(row["predicted"], row["cut off above"]) for row in edge] == [(2, 2), (70.2, 70.2)]


def test_without_calls_there_is_no_edge(database: Connection) -> None:
    assert predicted(database, timedelta(minutes=15), part=1, model="none") == []
