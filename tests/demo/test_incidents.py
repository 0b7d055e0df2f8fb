"""Incidents change what they say, when they say it, and nothing else."""

from __future__ import annotations

from collections import Counter, defaultdict
from random import Random
from statistics import median

import pytest

from exporter.demo.conditions import NORMAL
from exporter.demo.incidents import INCIDENTS, Schedule
from exporter.demo.model_calls import call_model
from exporter.demo.shapes import Event
from tests.demo.story import settled, story


def error_ratio(events: list[Event], connection_type: str) -> float:
    """The share of a connection's events that are errors."""
    crossed = [event["direction"] for event in events if event.get("connection_type") == connection_type]
    return crossed.count("error") / len(crossed)


def error_types(events: list[Event], connection_type: str) -> Counter[str]:
    return Counter(
        event["error"].partition(":")[0]
        for event in events
        if event.get("connection_type") == connection_type and event["error"]
    )


def test_slow_kimi_takes_six_times_as_long_for_the_same_call() -> None:
    usual = call_model(Random(3), NORMAL, 1)
    assert usual.model.provider == "kimi"
    slow = call_model(Random(3), INCIDENTS["slow-kimi"](NORMAL), 1)
    assert slow.duration_ms == pytest.approx(6 * usual.duration_ms)
    assert slow.first_token_ms == pytest.approx(6 * usual.first_token_ms)


def test_slow_kimi_times_out_and_leaves_glm_alone() -> None:
    calls = [event for event in settled("slow-kimi") if event["kind"] == "duration"]
    outcomes = Counter((call["provider"], call["outcome"]) for call in calls)
    assert outcomes["kimi", "timeout"] > 0.2 * (outcomes["kimi", "ok"] + outcomes["kimi", "timeout"])
    assert median(call["duration_ms"] for call in calls if call["provider"] == "kimi") > 25_000
    assert median(call["duration_ms"] for call in calls if call["provider"] == "glm") < 10_000
    assert error_types(settled("slow-kimi"), "kimi").most_common(1)[0][0] == "Request timed out."


def test_a_timeout_ends_just_after_its_estimate() -> None:
    for call in settled("slow-kimi"):
        if call["kind"] == "duration" and call["outcome"] == "timeout" and "estimate_source" in call:
            assert 1 < call["duration_ms"] / 1000 / call["estimated_timeout_s"] < 1.2


def test_redis_down_makes_connection_errors_dominate() -> None:
    events = settled("redis-down")
    assert error_ratio(events, "redis") > 0.8
    assert set(error_types(events, "redis")) == {"ConnectionError"}
    assert error_ratio(events, "kimi") < 0.05


def test_redis_down_takes_the_cache_with_it() -> None:
    operations = Counter(event["operation"] for event in settled("redis-down") if event["kind"] == "cache")
    assert operations["error"] > 0.8 * operations.total()


def test_error_burst_fails_seven_of_ten_calls_of_kimi() -> None:
    events = settled("error-burst")
    assert 0.6 < error_ratio(events, "kimi") < 0.8
    assert error_types(events, "kimi").most_common(1)[0][0] == "Error code"
    assert error_ratio(events, "glm") < 0.05


def cut_off_ratio(events: list[Event], model: str) -> float:
    """The share of a model's calls that outlasted the timeout their caller had asked for."""
    outcomes = [event["outcome"] for event in events if event.get("model") == model and "estimate_source" in event]
    return outcomes.count("timeout") / len(outcomes)


def test_model_drift_makes_the_timeouts_of_one_model_too_short() -> None:
    events = settled("model-drift")
    assert cut_off_ratio(events, "glm-4.6") > 0.1
    assert cut_off_ratio(events, "kimi-k2-0905-preview") < 0.05


def test_the_third_call_of_a_conversation_is_slow_in_one_layer_alone() -> None:
    usual, slow = (layer_seconds(story(600, *incidents)) for incidents in ((), ("third-call-slow",)))
    for place, seconds in slow.items():
        # Few calls ask a model, and some of them wait for a prediction before.
        near = 0.4 if place[1] in {"ai_api", "provider_selection"} else 0.1
        expected = 5 if place == ("later", "supabase") else 1
        assert median(seconds) / median(usual[place]) == pytest.approx(expected, rel=near), place


def layer_seconds(events: list[Event]) -> dict[tuple[str, str], list[float]]:
    """Seconds in each layer, in the first two calls of conversations and in later ones."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event["kind"] == "trace":
            calls = "later" if event["call_index"] > 2 else "first two"
            for span in event["spans"]:
                found[calls, span["layer"]].append(span["end_time"] - span["start_time"])
    return found


def test_a_conversation_calls_again_when_it_has_been_answered() -> None:
    ended: dict[str, tuple[int, float]] = {}
    for event in sorted(story(240, "slow-kimi"), key=lambda event: event.get("start_time", 0)):
        if event["kind"] == "trace":
            number, at = ended.get(event["conversation_id"], (event["call_index"] - 1, 0))
            assert event["call_index"] == number + 1
            assert event["start_time"] >= at
            ended[event["conversation_id"]] = event["call_index"], event["end_time"]
    assert len(ended) > 200


def test_on_a_quiet_day_callers_timeouts_keep_their_promise() -> None:
    asked = [event for event in story(900) if event["kind"] == "duration" and "estimate_source" in event]
    assert 0 < sum(event["outcome"] == "timeout" for event in asked) < 0.01 * len(asked)


def test_an_incident_comes_after_its_time_and_goes() -> None:
    schedule = Schedule(("slow-kimi", "redis-down"), after_s=10, for_s=20)
    assert schedule.at(9.9) == ()
    assert schedule.at(10) == schedule.at(29.9) == ("slow-kimi", "redis-down")
    assert schedule.at(30) == schedule.at(1e6) == ()
    assert schedule.conditions(0) == NORMAL


def test_incidents_at_once_add_up() -> None:
    conditions = Schedule(("slow-kimi", "redis-down"), 0, 10).conditions(5)
    assert conditions.slowdown == {"kimi": 6}
    assert conditions.error_ratio["redis"] == 0.95


def test_rotating_incidents_take_turns_with_calm_between() -> None:
    schedule = Schedule(tuple(INCIDENTS), after_s=10, for_s=20, rotate=True, calm_s=70)
    turns = [(name,) for name in (*INCIDENTS, next(iter(INCIDENTS)))]
    begins = [10 + 90 * turn for turn in range(len(turns))]
    assert {schedule.at(at - 0.1) for at in begins} == {()}
    assert [schedule.at(at) for at in begins] == turns
    assert [schedule.at(at + 19.9) for at in begins] == turns
    assert {schedule.at(at + 20) for at in begins} == {()}
