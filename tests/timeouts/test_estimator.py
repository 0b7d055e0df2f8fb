"""What is asked of the estimator whatever it is fed with."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.calls import Outcome, Question
from exporter.timeout_settings import ModelTimeouts, TimeoutSettings
from exporter.timeouts.estimator import Estimator

SETTINGS = TimeoutSettings(floor_s=2.0, ceiling_s=400.0)
tokens = st.none() | st.integers(0, 10**9)
questions = st.builds(
    Question,
    model=st.sampled_from(["kimi-k2", "glm-4.6", "other"]),
    request_type=st.sampled_from(["text_only", "file_based"]),
    prompt_tokens=tokens,
    max_tokens=tokens,
    quantile=st.none() | st.floats(0.5, 0.9999),
)
outcomes = st.builds(
    Outcome,
    question=questions,
    duration_s=st.floats(-10, 1e5) | st.sampled_from([0.0, 1e-300, 3600.0]),
    ended_at=st.floats(1.5e9, 1.8e9),
    cut_off=st.booleans(),
)


def calls(count: int, model: str = "kimi-k2", scale: float = 1.0, seed: int = 1) -> list[Outcome]:
    chance = random.Random(seed)
    return [
        Outcome(Question(model, prompt_tokens=chance.randint(1, 8000)), scale * chance.lognormvariate(1, 0.6), 1e9 + i)
        for i in range(count)
    ]


def taught(outcomes: list[Outcome], settings: TimeoutSettings | None = None) -> Estimator:
    estimator = Estimator(settings or TimeoutSettings())
    for outcome in outcomes:
        estimator.learn(outcome)
    return estimator


@settings(deadline=None)
@given(st.lists(outcomes, max_size=60), questions)
def test_every_answer_is_finite_and_within_floor_and_ceiling(fed: list[Outcome], question: Question) -> None:
    estimator = Estimator(SETTINGS)
    for answer in [*map(estimator.learn, fed), estimator.estimate(question)]:
        assert 2.0 <= answer.timeout_s <= 400.0
        assert 0.0 <= answer.confidence <= 1.0
        assert all(map(math.isfinite, (answer.expected_duration_s, *answer.interval)))
        assert answer.coverage is None or 0.0 <= answer.coverage <= 1.0


@settings(deadline=None)
@given(st.lists(outcomes, max_size=60), st.lists(outcomes, max_size=20), questions)
def test_what_was_saved_and_restored_answers_and_learns_exactly_as_before(
    fed: list[Outcome], more: list[Outcome], question: Question
) -> None:
    before, after = taught(fed), Estimator(TimeoutSettings())
    for name, state in before.take_unsaved().items():
        after.restore(name, state)
    assert after.estimate(question) == before.estimate(question)
    assert after.states() == before.states()
    assert [after.learn(outcome) for outcome in more] == [before.learn(outcome) for outcome in more]
    assert after.take_unsaved() == before.take_unsaved()


def test_a_long_history_survives_exactly() -> None:
    before, after = taught(calls(3000)), Estimator(TimeoutSettings())
    for name, state in before.take_unsaved().items():
        assert len(state) <= 20 * 1024
        after.restore(name, state)
    more = calls(500, seed=2)
    assert [after.learn(outcome) for outcome in more] == [before.learn(outcome) for outcome in more]


def test_only_what_has_changed_is_saved() -> None:
    estimator = taught(calls(200))
    assert estimator.take_unsaved()
    assert not estimator.take_unsaved()
    estimator.learn(calls(1, model="glm-4.6")[0])
    assert "kimi-k2\ttext_only\t" not in estimator.take_unsaved()


def test_nothing_but_positive_durations_up_to_the_longest_are_learned() -> None:
    estimator = Estimator(TimeoutSettings())
    for seconds in (0.0, -1.0, 3600.1):
        estimator.learn(Outcome(Question("kimi-k2"), seconds, 1e9))
    assert not estimator.states()


def test_longer_prompts_get_longer_timeouts_where_they_take_longer() -> None:
    chance = random.Random(5)
    estimator = Estimator(TimeoutSettings())
    for place in range(2000):
        prompt = chance.choice([100, 1000, 10_000])
        estimator.learn(Outcome(Question("k2", prompt_tokens=prompt), prompt / 500 * chance.uniform(1, 2), 1e9 + place))
    short, long = (estimator.estimate(Question("k2", prompt_tokens=prompt)).timeout_s for prompt in (100, 10_000))
    assert short < 3.0
    assert 30.0 < long < 60.0


def test_longer_allowances_get_longer_timeouts_where_they_take_longer() -> None:
    chance = random.Random(6)
    estimator = Estimator(TimeoutSettings())
    for place in range(2000):
        most = chance.choice([100, 1000, 10_000])
        question = Question("k2", prompt_tokens=500, max_tokens=most)
        estimator.learn(Outcome(question, most / 100 * chance.uniform(1, 2), 1e9 + place))
    short, long = (
        estimator.estimate(Question("k2", prompt_tokens=500, max_tokens=most)).timeout_s for most in (100, 10_000)
    )
    assert 10 * short < long


def test_a_model_that_nobody_knows_gets_its_providers_default() -> None:
    answer = Estimator(TimeoutSettings()).estimate(Question("kimi-new"))
    assert (answer.timeout_s, answer.source, answer.samples) == (300.0, "static", 0)
    assert answer.confidence == 0.0


def test_a_new_model_starts_from_its_request_type_and_then_from_its_provider() -> None:
    estimator = taught(calls(500))
    same, other = (estimator.estimate(Question("kimi-new", request_type=kind)) for kind in ("text_only", "file_based"))
    assert same.timeout_s == other.timeout_s < 300.0
    assert same.source == "adaptive"
    assert estimator.estimate(Question("glm-new")).timeout_s == 120.0


def test_an_override_wins_over_everything() -> None:
    settings = TimeoutSettings(emergency_s={"KIMI": 5000.0}, ceiling_s=100.0)
    answer = taught(calls(100), settings).estimate(Question("kimi-k2"))
    assert (answer.timeout_s, answer.source) == (5000.0, "emergency")


def test_a_model_may_have_a_quantile_and_a_question_another() -> None:
    lax = TimeoutSettings(models={"kimi-k2": ModelTimeouts(quantile=0.6)})
    usual, own = (taught(calls(1000), settings).estimate(Question("kimi-k2")) for settings in (TimeoutSettings(), lax))
    asked = taught(calls(1000)).estimate(Question("kimi-k2", quantile=0.6))
    assert own.timeout_s < usual.timeout_s
    assert asked.timeout_s < usual.timeout_s


def test_dates_of_a_model_make_no_other_model() -> None:
    estimator = taught([*calls(10), *calls(10, model="Kimi-K2-0905")])
    assert [state["samples"] for state in estimator.states()] == [20]


def test_models_past_the_most_share_what_is_known_of_their_provider() -> None:
    estimator = taught([*calls(300), *calls(300, model="kimi-other")], TimeoutSettings(most_models=1))
    assert [state["model"] for state in estimator.states()] == ["kimi-k2"]
    assert estimator.estimate(Question("kimi-other")).timeout_s < 300.0


def test_no_call_raises_the_next_timeout_by_much() -> None:
    estimator = taught(calls(500))
    question = Question("kimi-k2", prompt_tokens=700)
    before = estimator.estimate(question).timeout_s
    estimator.learn(Outcome(question, 3500.0, 1e9 + 501))
    assert estimator.estimate(question).timeout_s < 1.5 * before


@pytest.mark.parametrize("hung_for_s", [180.0, 1000.0])
def test_hung_calls_leave_the_timeouts_as_they_are(hung_for_s: float) -> None:
    ended = calls(2000)
    mixed = [
        Outcome(o.question, hung_for_s, o.ended_at, cut_off=True) if place % 20 == 0 else o
        for place, o in enumerate(ended)
    ]
    question = Question("kimi-k2", prompt_tokens=700)
    without, with_hung = (taught(fed).estimate(question).timeout_s for fed in (ended, mixed))
    assert with_hung == pytest.approx(without, rel=0.25)


def test_timeouts_that_cut_calls_off_do_not_shrink_by_their_own_doing() -> None:
    estimator = taught(calls(1000))
    question = Question("kimi-k2", prompt_tokens=700)
    cut, total = 0, 0
    for place, call in enumerate(calls(8000, seed=3)):
        limit = estimator.estimate(call.question).timeout_s
        is_cut = call.duration_s > limit
        cut, total = cut + is_cut, total + 1
        estimator.learn(Outcome(call.question, min(limit, call.duration_s), 1e9 + 2000 + place, cut_off=is_cut))
    assert cut / total <= 0.013
    assert estimator.estimate(question).timeout_s > 7.0


def test_a_service_that_cuts_every_call_off_gets_at_least_the_default_again() -> None:
    estimator = taught(calls(500))
    question = Question("kimi-k2", prompt_tokens=700)
    for place in range(30):
        limit = estimator.estimate(question).timeout_s
        estimator.learn(Outcome(question, limit, 1e9 + 600 + place, cut_off=True))
    answer = estimator.estimate(question)
    assert answer.timeout_s >= 300.0
    assert answer.confidence == 0.0


def test_bytes_that_are_no_state_are_refused() -> None:
    with pytest.raises(ValueError, match=r".+"):
        Estimator(TimeoutSettings()).restore("kimi-k2\ttext_only\t", b"\x90")
