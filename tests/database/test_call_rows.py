"""Model calls that count are rows of PostgreSQL, once each, and failed ones are the last to be dropped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from exporter.pseudonyms import pseudonym
from tests.core.harness import Running, running
from tests.servers import wait_until

NOW = time.time()
NOWHERE = "postgresql://postgres@127.0.0.1:1/exai"
MODEL = "kimi-k2-0905-preview"


def call(number: int = 0, **fields: Any) -> dict[str, Any]:
    return {"kind": "duration", "model": MODEL, "duration_ms": 1500.0, "timestamp": NOW + number, **fields}


def described(number: int = 0, **metadata: Any) -> dict[str, Any]:
    return {
        "connection_type": "kimi", "direction": "receive", "timestamp": NOW + number, "script_name": "kimi_chat",
        "function_name": "create", "response_time_ms": 900.0, "metadata": {"model": MODEL, **metadata},
    }  # fmt: skip


def rows(dsn: str, columns: str = "*") -> list[dict[str, Any]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        query = f"select {columns} from monitoring.model_calls order by timestamp, error"  # noqa: S608 - a test's own words
        return connection.execute(query.encode()).fetchall()


def written(dsn: str) -> int:
    """How many calls PostgreSQL has."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute("select count(*) from monitoring.model_calls").fetchone()
    assert found
    return int(found[0])


def kept(exporter: Running, count: int, table: str = "model_calls") -> None:
    """Wait until so many rows are written."""
    name = "exai_exporter_rows_written_total"
    wait_until(lambda: exporter.value(name, table=table) >= count, 120, f"{count} rows")


@pytest.fixture
def exporter(database: str, tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, database_url=database, checkpoint_interval_s=0.1) as exporter:
        yield exporter


def test_a_call_is_kept_with_all_that_is_told_of_it(exporter: Running, database: str) -> None:
    exporter.push([
        call(
            provider="kimi", prompt_tokens=1000, completion_tokens=200, cached_input_tokens=400, cache_write_tokens=0,
            reasoning_tokens=50, request_type="file_based", estimated_timeout_s=30.0, estimate_source="adaptive",
            time_to_first_token_ms=120.0, finish_reason="stop", cache_hit=False, conversation_id="c-1",
            request_id="r-1", trace_id="t-1", tool_name="debug", thinking_mode="high", operation="chat_stream",
            event_id="e-1",
        )
    ])  # fmt: skip
    kept(exporter, 1)
    (found,) = rows(database)
    assert found.pop("timestamp").timestamp() == pytest.approx(NOW, abs=1e-5)
    # 600 new and 400 cached tokens of input, 200 of output: at 0.60, 0.15 and 2.50 dollars a million.
    assert found.pop("cost_dollars") == pytest.approx((600 * 0.60 + 400 * 0.15 + 200 * 2.50) / 1e6)
    del found["id"], found["created_at"]
    assert found == {
        "event_id": "e-1", "provider": "kimi", "model": MODEL, "operation": "chat_stream", "tool_name": "debug",
        "request_type": "file_based", "thinking_mode": "high", "outcome": "ok", "error_type": None, "error": None,
        "finish_reason": "stop", "cache_hit": False, "duration_ms": 1500.0, "time_to_first_token_ms": 120.0,
        "input_tokens": 1000, "output_tokens": 200, "total_tokens": 1200, "input_cached_tokens": 400,
        "input_cache_write_tokens": None, "output_reasoning_tokens": 50, "estimated_timeout_s": 30.0,
        "estimate_source": "adaptive", "conversation": pseudonym("c-1"), "request_id": "r-1", "trace_id": "t-1",
        "connection_type": None, "script_name": None, "function_name": None, "metadata": {},
    }  # fmt: skip


def test_a_failed_call_is_kept_without_its_secrets_and_bounded(exporter: Running, database: str) -> None:
    secret = "Error code: 429 - api_key=sk-abcdef0123456789"
    exporter.push([call(outcome="error", error=secret + "x" * 9000, tool_name="t" * 1000, thinking_mode="a\0b")])
    kept(exporter, 1)
    (found,) = rows(database, "outcome, error_type, error, total_tokens, cost_dollars, tool_name, thinking_mode")
    assert (found["outcome"], found["error_type"]) == ("error", "rate_limited")
    assert found["error"] == "Error code: 429 - api_key=***"
    assert (found["total_tokens"], found["cost_dollars"]) == (None, None)
    assert (found["tool_name"], found["thinking_mode"]) == ("t" * 256, "ab")


def test_only_calls_that_ran_have_a_cost(exporter: Running, database: str) -> None:
    tokens = {"prompt_tokens": 1000, "completion_tokens": 200}
    exporter.push([
        call(0, **tokens),
        call(1, **tokens, outcome="error", error="Error code: 429 - {}"),
        call(2, **tokens, outcome="error", error="Error code: 401 - {}"),
        call(3, **tokens, outcome="timeout", error="Request timed out."),
    ])  # fmt: skip
    kept(exporter, 4)
    found = rows(database, "error_type, input_tokens, cost_dollars")
    cost = pytest.approx((1000 * 0.60 + 200 * 2.50) / 1e6)
    assert [tuple(row.values()) for row in found] == [
        (None, 1000, cost),
        ("rate_limited", None, None),
        ("unauthorized", None, None),
        ("timeout", 1000, cost),
    ]
    assert exporter.value("gen_ai_client_token_usage_sum", gen_ai_token_type="input") == 2000


def test_a_described_call_is_kept_with_the_timeout_that_it_would_have_been_given(
    exporter: Running, database: str
) -> None:
    exporter.push([described(tokens=1830, tool_name="chat", thinking_mode="low", trace_id="t-2", request_id=7)])
    kept(exporter, 1)
    columns = """provider, tool_name, thinking_mode, trace_id, request_id, input_tokens, total_tokens, cost_dollars,
      estimate_source, connection_type, script_name, function_name"""
    (found,) = rows(database, columns)
    assert found == {
        "provider": "kimi", "tool_name": "chat", "thinking_mode": "low", "trace_id": "t-2", "request_id": None,
        "input_tokens": None, "total_tokens": 1830, "cost_dollars": pytest.approx(1830 * 1.075 / 1e6),
        "estimate_source": "shadow", "connection_type": "kimi", "script_name": "kimi_chat", "function_name": "create",
    }  # fmt: skip
    (estimate,) = rows(database, "estimated_timeout_s as seconds")
    assert estimate["seconds"] == exporter.value("kimi_adaptive_timeout_seconds_sum", source="shadow")


def test_only_the_copy_that_counts_is_kept(exporter: Running, database: str) -> None:
    exporter.push([call(0, event_id="e-0")])
    exporter.push([described(1), call(1, event_id="e-1"), call(1, event_id="e-1")])
    kept(exporter, 2)
    exporter.push([call(2, event_id="e-2")])
    kept(exporter, 3)
    assert [row["event_id"] for row in rows(database, "event_id")] == ["e-0", "e-1", "e-2"]


def test_a_full_spool_keeps_failed_calls_and_counts_what_it_drops(database: str, tmp_path: Path) -> None:
    postgres = {"spool_calls": 10, "spool_events": 5}
    failed = [call(number, outcome="error", error=f"TimeoutError: {number}") for number in range(8)]
    errors = [
        {"connection_type": "kimi", "direction": "error", "timestamp": NOW, "error": "TimeoutError"} for _ in range(20)
    ]
    with running(tmp_path, database_url=NOWHERE, postgres=postgres, checkpoint_interval_s=0.1) as exporter:
        exporter.push([*errors, *(call(number) for number in range(25)), *failed])
        assert exporter.value("exai_exporter_rows_dropped_total", table="errors", reason="full") == 15
        assert exporter.value("exai_exporter_rows_dropped_total", table="model_calls", reason="full") == 15
        assert exporter.value("exai_exporter_rows_spooled") == 5 + 10 + 8
    with running(tmp_path, database_url=database, postgres=postgres, checkpoint_interval_s=0.1) as exporter:
        kept(exporter, 18)
        assert exporter.value("exai_exporter_rows_spooled") == 0
    found = rows(database, "outcome, error")
    assert [row["error"] for row in found if row["outcome"] == "error"] == [f"TimeoutError: {n}" for n in range(8)]
    assert [row["outcome"] for row in found].count("ok") == 10


def test_a_burst_of_calls_brings_the_next_checkpoint_forward(database: str, tmp_path: Path) -> None:
    # Twice what a spool takes between two checkpoints; none is due for five minutes, and a scrape would bring one.
    with running(tmp_path, database_url=database, checkpoint_interval_s=300) as exporter:
        for start in range(0, 40_000, 10_000):
            exporter.push([call(-(start + number) / 100) for number in range(10_000)])
            wait_until(lambda count=start + 10_000: written(database) == count, 60, "the calls")
        assert exporter.value("exai_exporter_rows_dropped_total") == 0


def test_no_calls_are_kept_where_their_spool_is_switched_off(database: str, tmp_path: Path) -> None:
    with running(tmp_path, database_url=database, postgres={"spool_calls": 0}, checkpoint_interval_s=0.1) as exporter:
        exporter.push([call(), call(1, outcome="error", error="TimeoutError")])
        exporter.push([{"connection_type": "kimi", "direction": "error", "timestamp": NOW, "error": "TimeoutError"}])
        kept(exporter, 1, "errors")
        assert exporter.value("exai_exporter_rows_dropped_total") == 0
    assert rows(database) == []
