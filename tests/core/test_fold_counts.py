"""The fold counts what a naive count of the same events comes to, however they are cut into batches."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.conventions import FAMILIES, Kind
from exporter.fold.apply import Fold
from exporter.fold.state import State
from tests.core.examples import NOW, T, minimal
from tests.core.harness import folded, view
from tests.core.model import Model
from tests.core.strategies import batches

Events = list[dict[str, Any]]


@given(batches)
@settings(max_examples=200, deadline=None)
def test_counters_and_histograms_are_what_a_naive_count_comes_to(events: Events) -> None:
    model = Model()
    model.take(events)
    found = view(folded(events, received=NOW).state)
    counters = {key: value for key, value in found.items() if FAMILIES[key[0]].kind is Kind.COUNTER}
    histograms = {key: value for key, value in found.items() if FAMILIES[key[0]].kind is Kind.HISTOGRAM}
    running_totals = {key for key in counters if key[0].startswith("exai_websocket_")}
    assert {key: value for key, value in counters.items() if key not in running_totals} == dict(model.counters)
    assert {key: counts for key, (_, counts) in histograms.items()} == {k: model.buckets(k) for k in model.observed}
    for key, (total, _) in histograms.items():
        assert total == pytest.approx(sum(model.observed[key]))


@given(batches, st.lists(st.integers(0, 40), max_size=5), st.booleans())
@settings(max_examples=150, deadline=None)
def test_how_events_are_cut_into_batches_makes_no_difference(events: Events, cuts: list[int], look: bool) -> None:
    whole = folded(events, received=NOW)
    parts = Fold(State())
    edges = [0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]
    for start, end in pairwise(edges):
        folded(events[start:end], parts, received=NOW)
        parts.state.generation += look  # as after each scrape or checkpoint
    assert view(parts.state) == view(whole.state)
    assert parts.totals.known == whole.totals.known


@given(batches)
@settings(max_examples=50, deadline=None)
def test_the_same_events_always_make_the_same_state(events: Events) -> None:
    assert view(folded(events, received=NOW).state) == view(folded(events, received=NOW).state)


def connection(**fields: Any) -> dict[str, Any]:
    return minimal("connection", script_name="a.py", function_name="f", **fields)


def test_a_recorded_duration_is_an_event_and_neither_bytes_nor_a_response() -> None:
    events = [connection(direction="duration_recorded", data_size_bytes=150, response_time_ms=900.0)]
    found = view(folded(events).state)
    assert found["exai_connection_events_total", ("kimi", "duration_recorded", "a.py", "f")] == 1
    assert not {name for name, _ in found} & {"exai_connection_bytes_total", "exai_connection_response_seconds"}


def test_inbound_is_receive_and_outbound_is_send() -> None:
    events = [connection(direction=word, data_size_bytes=7) for word in ("inbound", "receive", "outbound", "outbound")]
    found = view(folded(events).state)
    assert found["exai_connection_events_total", ("kimi", "receive", "a.py", "f")] == 2
    assert found["exai_connection_bytes_total", ("kimi", "send")] == 14


@pytest.mark.parametrize(
    ("error", "named", "expected"),
    [
        ("ConnectionError: refused: by peer", None, "ConnectionError"),
        ("redis.exceptions.TimeoutError: x", None, "redis.exceptions.TimeoutError"),
        ("connection refused", None, "unknown"),
        ("connection refused: by peer", None, "unknown"),
        ("no\nidentifier: x", None, "unknown"),
        ("APIStatusError: 429 rate limited", None, "rate_limited"),
        ("APIStatusError: Error code: 429 - {}", None, "rate_limited"),
        ("HTTPStatusError: status_code=429", None, "rate_limited"),
        ("429 Too Many Requests", None, "rate_limited"),
        ("openai.RateLimitError: Error code: 429", None, "openai.RateLimitError"),
        ("APIStatusError: 429 rate limited", "Busy", "Busy"),
        ("ValueError: got 429 bytes", None, "ValueError"),
        ("APIStatusError: 4290", None, "APIStatusError"),
        ("ValueError: x", "KeyError", "KeyError"),
        ("ValueError: x", "two\nlines", "invalid"),
        (None, None, "unknown"),
    ],
)
def test_the_type_of_an_error_is_the_identifier_before_its_first_colon_or_tells_of_a_429(
    error: str | None, named: str | None, expected: str
) -> None:
    found = view(folded([connection(direction="error", error=error, error_type=named)]).state)
    assert found["exai_connection_errors_total", ("kimi", "a.py", "f", expected)] == 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ""),
        ({"error": "Error code: 429 - {}"}, ""),
        ({"outcome": "error"}, "error"),
        ({"outcome": "error", "error": "Error code: 429 - {}"}, "rate_limited"),
        ({"outcome": "error", "error": "gone", "error_type": "openai.APIConnectionError"}, "connection_error"),
        ({"outcome": "error", "error": "x", "error_type": "utils.RetryableError"}, "RetryableError"),
        ({"outcome": "error", "error_type": "content_filter"}, "content_filter"),
        ({"outcome": "timeout", "error": "Error code: 500"}, "timeout"),
    ],
)
def test_a_failed_call_is_counted_under_the_type_of_its_error(fields: dict[str, Any], expected: str) -> None:
    found = view(folded([minimal("duration", **fields)]).state)
    (counted,) = [labels for name, labels in found if name == "gen_ai_client_operation_duration_seconds"]
    assert counted[3] == expected


def test_an_error_text_makes_an_error_of_any_direction() -> None:
    found = view(folded([connection(error="E: x"), connection(error=""), connection()]).state)
    assert found["exai_connection_errors_total", ("kimi", "a.py", "f", "E")] == 1
    assert found["exai_connection_events_total", ("kimi", "send", "a.py", "f")] == 3


def test_bytes_are_exact_past_what_a_float_can_hold() -> None:
    found = view(folded([connection(data_size_bytes=2**53)] * 3 + [connection(data_size_bytes=1)]).state)
    assert found["exai_connection_bytes_total", ("kimi", "send")] == 3 * 2**53 + 1


def test_the_newest_event_is_remembered_whatever_comes_after_it() -> None:
    found = view(folded([connection(timestamp=T + at) for at in (5, 9, 2)]).state)
    assert found["exai_connection_last_event_timestamp_seconds", ("kimi",)][0] == T + 9


def test_a_timeout_of_next_to_nothing_leaves_the_sum_of_ratios_a_number() -> None:
    events = [minimal("duration", duration_ms=1e15, estimated_timeout_s=5e-324), minimal("duration")]
    found = view(folded(events).state)
    assert all(sums[0] < float("inf") for (name, _), sums in found.items() if name == "kimi_estimate_accuracy_ratio")
