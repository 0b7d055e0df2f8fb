"""The simulated gateway tells the same story for the same seed, in events that the exporter takes."""

from __future__ import annotations

import json
from collections import Counter, defaultdict

import pytest

from exporter.decode.canonical import decode
from exporter.demo.incidents import INCIDENTS
from exporter.demo.model_calls import ESTIMATE_SOURCES, MODELS
from exporter.demo.shapes import happened_at
from exporter.events import KINDS
from exporter.gauge_values import BY_SUBJECT
from tests.demo.story import START, story

LAYERS = ["shim", "websocket", "tool", "provider_selection", "ai_api", "supabase"]


def test_the_same_seed_tells_the_same_story_however_often_one_looks() -> None:
    assert story(30, step_s=0.1) == story(30, step_s=7.5)


def test_another_seed_tells_another_story() -> None:
    assert story(5, seed=1) != story(5, seed=2)


def test_events_come_in_order_and_never_from_the_future() -> None:
    times = [happened_at(event) for event in story(30)]
    assert times == sorted(times)
    assert times[0] >= START
    assert times[-1] <= START + 30


@pytest.mark.parametrize("incidents", [(), *((name,) for name in INCIDENTS)])
def test_the_exporter_takes_every_event(incidents: tuple[str, ...]) -> None:
    events = story(60, *incidents)
    for first in range(0, len(events), 1000):
        part = events[first : first + 1000]
        decoded = decode(json.dumps(part).encode(), START + 60)
        assert not decoded.rejections
        sent = [event for event in decoded.events if not getattr(event, "derived", False)]
        assert [KINDS[type(event)] for event in sent] == [event["kind"] for event in part]
        described = sum("model" in event.get("metadata", {}) and event["kind"] == "connection" for event in part)
        assert len(decoded.events) - len(sent) == described


@pytest.mark.parametrize("seed", range(5))
def test_every_kind_operation_and_subject_comes_within_twenty_seconds(seed: int) -> None:
    seen = defaultdict(set)
    for event in story(20, seed=seed):
        seen["kind"].add(event["kind"])
        if event["kind"] == "cache":
            seen["operation"].add((event["implementation"], event["operation"]))
        elif event["kind"] == "gauge":
            seen["subject"].add(event["subject"])
        elif event["kind"] == "trace":
            seen["layer"].update(span["layer"] for span in event["spans"])
            seen["call"].add(min(event["call_index"], 5))
        elif event["kind"] == "connection":
            seen["connection_type"].add(event["connection_type"])
            seen["direction"].add(event["direction"])
    assert seen["kind"] == set(KINDS.values())
    assert {operation for _, operation in seen["operation"]} == {"hit", "miss", "set", "evict", "error"}
    assert {implementation for implementation, _ in seen["operation"]} == {"legacy", "new"}
    assert seen["subject"] == set(BY_SUBJECT)
    assert seen["layer"] == set(LAYERS)
    assert seen["call"] == {1, 2, 3, 4, 5}
    assert seen["connection_type"] == {"websocket", "redis", "supabase", "kimi", "glm"}
    assert seen["direction"] >= {"send", "receive", "error", "connect"}


def test_every_running_total_of_the_socket_moves_within_twelve_seconds() -> None:
    readings = [event["values"] for event in story(12) if event.get("subject") == "websocket"]
    before, after = (_flat(values) for values in (readings[0], readings[-1]))
    levels = {"connections.active", "queue.current_size", "queue.max_size", "latency.average_send_ms"}
    totals = {name for name, value in after.items() if isinstance(value, int)} - levels
    assert len(totals) == 18
    assert {name for name in totals if after[name] > before[name]} == totals


def test_layers_follow_each_other_in_order() -> None:
    for trace in (event for event in story(30) if event["kind"] == "trace"):
        names = [span["layer"] for span in trace["spans"]]
        assert names == [layer for layer in LAYERS if layer in names]
        edges = [time for span in trace["spans"] for time in (span["start_time"], span["end_time"])]
        assert [trace["start_time"], *edges, trace["end_time"]] == sorted(
            [trace["start_time"], *edges, trace["end_time"]]
        )


def test_a_conversation_counts_its_calls() -> None:
    calls = defaultdict(list)
    traces = [event for event in story(60) if event["kind"] == "trace"]
    for trace in sorted(traces, key=lambda trace: trace["start_time"]):
        calls[trace["conversation_id"]].append(trace["call_index"])
    # What still runs at the end of the story has no trace yet: a number may be missing, but none comes twice.
    assert all(counted == sorted(set(counted)) for counted in calls.values())
    assert max(len(counted) for counted in calls.values()) > 3


def test_a_model_call_that_ends_well_has_its_first_token_before_its_end() -> None:
    calls = [event for event in story(60) if event["kind"] == "duration"]
    assert {call["model"] for call in calls} == {model.name for model in MODELS if model.instrumented}
    for call in calls:
        if call["outcome"] == "ok":
            assert 0 < call["time_to_first_token_ms"] < call["duration_ms"]
            assert call["duration_ms"] <= call.get("estimated_timeout_s", 600) * 1000
            assert call["completion_tokens"] <= call["max_tokens"]
        else:
            assert "time_to_first_token_ms" not in call


@pytest.mark.parametrize("seed", range(5))
def test_calls_come_with_timeouts_that_callers_asked_for_and_without_within_ten_seconds(seed: int) -> None:
    calls = [event for event in story(10, seed=seed) if event["kind"] == "duration"]
    sources = {call.get("estimate_source") for call in calls}
    assert {"adaptive", None} <= sources <= {*ESTIMATE_SOURCES, None} - {""}
    assert all(("estimated_timeout_s" in call) == ("estimate_source" in call) for call in calls)


def test_no_error_dominates_on_a_quiet_day() -> None:
    crossed, failed = Counter(), Counter()
    for event in story(240):
        if event["kind"] == "connection":
            crossed[event["connection_type"]] += 1
            failed[event["connection_type"]] += event["direction"] == "error"
    assert all(0 < failed[name] / crossed[name] < 0.05 for name in crossed)


def test_an_http_request_tells_its_error_if_it_has_one() -> None:
    answers = [event for event in story(60) if event["kind"] == "http"]
    assert {event["status"] for event in answers} == {200, 400, 500}
    assert all(bool(event.get("error")) == (event["status"] != 200) for event in answers)


def test_an_http_request_of_a_trace_lies_within_it() -> None:
    events = story(120)
    traces = {event["trace_id"]: event for event in events if event["kind"] == "trace"}
    traced = [event for event in events if event["kind"] == "http" and "trace_id" in event]
    # The trace of a request that still runs at the end of the story is not there yet.
    whole = [event for event in traced if event["trace_id"] in traces]
    assert len(whole) > 0.8 * len(traced) > 10
    assert any(event.get("error") for event in whole)
    for event in whole:
        (asking,) = (span for span in traces[event["trace_id"]]["spans"] if span["layer"] == "provider_selection")
        first, last = event["timestamp"] - event["duration_ms"] / 1000, event["timestamp"]
        assert asking["start_time"] - 1e-6 <= first < last <= asking["end_time"]


def test_no_two_runs_have_a_conversation_of_the_same_name() -> None:
    def names(seed: int) -> set[str]:
        return {event["conversation_id"] for event in story(20, seed=seed) if event["kind"] == "trace"}

    assert names(1)
    assert not names(1) & names(2)


def _flat(values: dict, prefix: str = "") -> dict:
    flat = {}
    for name, value in values.items():
        inner = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{name}.") if inner else {prefix + name: value}
    return flat
