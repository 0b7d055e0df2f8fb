"""What the boards of errors and traces read of Postgres is right, and found by an index: against a real one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from tests.databases import postgres_server
from tests.grafana.kept_requests import EARLIER, REFUSED, SLOWEST, keep
from tests.grafana.shipped import SqlTarget, sql_targets

TARGETS = [target for target in sql_targets() if target.board["uid"] in {"exai-error-details", "exai-trace"}]
BY_TITLE = {target.panel["title"]: target for target in TARGETS}
NAMELESS = "00000000-0000-0000-0000-000000000000"

Connection = psycopg.Connection[DictRow]

each_target = pytest.mark.parametrize("target", TARGETS, ids=map(str, TARGETS))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A database with a day of errors and traces."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        dsn = server.migrated("requests")
        with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
            keep(connection)
            yield connection


def rows(database: Connection, title: str, minutes: float = 15, **chosen: str) -> list[DictRow]:
    """What the panel of that title reads of the last minutes."""
    now = datetime.now(UTC)
    statement = BY_TITLE[title].statement(now - timedelta(minutes=minutes), now, chosen)
    return database.execute(statement).fetchall()


def test_the_slowest_requests_come_first_with_the_layer_in_which_they_were_longest(database: Connection) -> None:
    found = rows(database, "Slowest requests")
    assert (found[0]["trace_id"], found[0]["took"], found[0]["layer"]) == (SLOWEST, 300, "ai_api")
    assert float(found[0]["share"]) == pytest.approx(0.8)
    assert [row["took"] for row in found] == sorted((row["took"] for row in found), reverse=True)
    assert {row["tool_name"] for row in rows(database, "Slowest requests", tool="chat")} == {"chat"}


@pytest.mark.parametrize(("chosen", "found"), [("", SLOWEST), (REFUSED, REFUSED), (f" {EARLIER} ", EARLIER)])
def test_the_chosen_request_is_the_slowest_unless_an_id_says_another(
    chosen: str, found: str, database: Connection
) -> None:
    (request,) = rows(database, "The chosen request", trace_id=chosen)
    assert request["trace_id"] == found
    assert {row["traceID"] for row in rows(database, "Its way through the layers", trace_id=chosen)} == {found}


@pytest.mark.parametrize("unknown", ["no-such-trace", "'; drop table monitoring.traces; --"])
def test_a_request_that_is_not_kept_is_said_to_be_so_and_no_other_is_shown(unknown: str, database: Connection) -> None:
    (request,) = rows(database, "The chosen request", trace_id=unknown)
    assert (request["trace_id"], request["status"], request["took"]) == (unknown, "not kept", None)
    for title in ("Its way through the layers", "Calls of its conversation", "How it ended, and what failed meanwhile"):
        assert rows(database, title, trace_id=unknown) == []


def test_spans_are_those_of_the_layers_below_one_of_the_request(database: Connection) -> None:
    found = rows(database, "Its way through the layers", trace_id=REFUSED)
    assert [(row["spanID"], row["parentSpanID"], row["operationName"]) for row in found] == [
        ("request", None, "debug"),
        ("0", "request", "shim"),
        ("1", "request", "ai_api"),
        ("2", "request", "supabase"),
    ]
    assert [row["duration"] for row in found] == pytest.approx([20, 2, 16, 2], abs=0.01)
    tags = {tag["key"]: tag["value"] for tag in json.loads(found[0]["tags"])}
    assert tags == {"status": "error", "error": True, "message": "refused", "conversation": "long", "call": 2}


def test_a_request_that_went_well_is_not_marked_as_failed(database: Connection) -> None:
    (request, *_) = rows(database, "Its way through the layers", trace_id=EARLIER)
    assert {"key": "error", "value": False} in json.loads(request["tags"])


def test_a_conversation_is_shown_in_the_order_of_its_calls(database: Connection) -> None:
    found = rows(database, "Calls of its conversation", trace_id=SLOWEST)
    assert [(row["call_index"], row["trace_id"]) for row in found] == [(2, REFUSED), (3, SLOWEST)]


def test_a_request_without_a_conversation_is_shown_alone(database: Connection) -> None:
    assert [row["trace_id"] for row in rows(database, "Calls of its conversation", trace_id=EARLIER)] == [EARLIER]


def test_its_own_end_and_its_own_errors_come_before_others_of_that_time(database: Connection) -> None:
    own, named, *others = rows(database, "How it ended, and what failed meanwhile", trace_id=SLOWEST)
    assert (own["service"], own["error_type"], own["message"]) == (
        "the request itself",
        "timeout",
        "timed out after 300s",
    )
    assert named["service"] == "ml-api"
    assert {row["service"] for row in others} == {"kimi", "redis"}
    assert [row["timestamp"] for row in others] == sorted(row["timestamp"] for row in others)


def test_errors_of_one_kind_differ_in_numbers_only_and_are_new_if_never_seen_before(database: Connection) -> None:
    found = {row["error_type"]: row for row in rows(database, "Kinds of errors", minutes=15)}
    assert {name: (row["state"], row["errors"]) for name, row in found.items()} == {
        "TimeoutError": ("known", 15),
        "ConnectionError": ("known", 15),
        "500": ("new", 1),
    }
    age = datetime.now(UTC) - found["TimeoutError"]["first_seen"]
    assert timedelta(days=20) < age < timedelta(days=20, hours=1)
    assert len({row["fingerprint"] for row in found.values()}) == 3


def test_errors_are_counted_and_chosen_by_service_and_type(database: Connection) -> None:
    (counts,) = rows(database, "Kept errors")
    assert counts == {"errors": 31, "services": 3, "with traceback": 30}
    (counts,) = rows(database, "Kept errors", service="kimi")
    assert counts["errors"] == 15
    (counts,) = rows(database, "Kept errors", error_type="500")
    assert counts["errors"] == 1


def test_the_chosen_error_is_the_newest_unless_an_id_says_another(database: Connection) -> None:
    newest, *_, oldest = rows(database, "Errors, newest first")
    (default,) = rows(database, "The chosen error", service=newest["service"])
    assert default["timestamp"] == newest["timestamp"]
    (other,) = rows(database, "The chosen error", minutes=1, error=oldest["id"])
    assert other["timestamp"] == oldest["timestamp"]


@pytest.mark.parametrize("unknown", [NAMELESS, "abc", "'"])
def test_an_error_that_is_not_kept_is_no_other(unknown: str, database: Connection) -> None:
    assert rows(database, "The chosen error", error=unknown) == []
    assert rows(database, "Message and traceback", error=unknown) == []


def test_a_traceback_is_shown_below_its_message_line_by_line(database: Connection) -> None:
    (shown,) = rows(database, "Message and traceback", service="redis")
    assert shown["body"].splitlines() == [
        "connection reset by peer",
        "",
        "Traceback (most recent call last):",
        '  File "x.py", line 1',
        "connection reset by peer",
    ]


def test_an_error_without_a_traceback_says_so(database: Connection) -> None:
    (shown,) = rows(database, "Message and traceback", service="ml-api")
    assert shown["body"] == "no finite number\n\nNo traceback came with it."


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@each_target
@pytest.mark.parametrize("chosen", [{}, {"trace_id": SLOWEST, "error": NAMELESS}], ids=["by itself", "by its id"])
def test_a_query_reads_by_an_index(target: SqlTarget, chosen: dict[str, str], database: Connection) -> None:
    now = datetime.now(UTC)
    asked = b"explain (format json) " + target.statement(now - timedelta(minutes=15), now, chosen)
    with database.transaction():
        database.execute("set local enable_seqscan = off")  # which is quicker while there are a thousand rows
        (plan,) = database.execute(asked).fetchall()
    kinds = {node["Node Type"] for node in nodes(plan["QUERY PLAN"][0]["Plan"]) if "Relation Name" in node}
    assert kinds <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}
