"""The promise: of the calls that end well, 99 % end within their timeout. On synthetic calls, and on other arrivals."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from benchmarks.llm_traces import arrivals, calls, endpoints
from exporter.calls import Estimate, Outcome, Question
from exporter.timeout_settings import TimeoutSettings
from exporter.timeouts.estimator import Estimator

Duration = Callable[[random.Random, float, int], float]
CALLS, WARMUP = 6000, 50


def _lognormal(chance: random.Random, share: float, prompt: int) -> float:
    return chance.lognormvariate(1.0, 0.7) * (1 + prompt / 2000)


def _pareto(chance: random.Random, share: float, prompt: int) -> float:
    return chance.paretovariate(2.2) + prompt / 1000


def _bimodal(chance: random.Random, share: float, prompt: int) -> float:
    return chance.lognormvariate(0.0, 0.3) * (40.0 if chance.random() < 0.05 else 1.0)


def _drifting(chance: random.Random, share: float, prompt: int) -> float:
    return chance.lognormvariate(0.0, 0.6) * math.exp(3.0 * share)


def _shifting(chance: random.Random, share: float, prompt: int) -> float:
    return chance.lognormvariate(0.0, 0.6) * (4.0 if 0.3 < share < 0.6 else 1.0)


def walked(duration: Duration, seed: int) -> list[tuple[Estimate, bool]]:
    """Each call's estimate, and whether it ended in time."""
    chance, estimator = random.Random(seed), Estimator(TimeoutSettings(floor_s=0.001))
    found = []
    for place in range(CALLS):
        question = Question("any", prompt_tokens=int(chance.lognormvariate(7, 1.2)))
        seconds = duration(chance, place / CALLS, question.prompt_tokens or 0)
        answer = estimator.estimate(question)
        found.append((answer, seconds <= answer.timeout_s))
        estimator.learn(Outcome(question, seconds, 1e9 + 100.0 * place + seconds))
    return found[WARMUP:]


@pytest.mark.parametrize("duration", [_lognormal, _pareto, _bimodal, _drifting, _shifting])
@pytest.mark.parametrize("seed", [11, 12])
def test_the_promise_holds_whatever_the_durations(duration: Duration, seed: int) -> None:
    within = [kept for _, kept in walked(duration, seed)]
    assert 0.9875 <= sum(within) / len(within) <= 0.9925


@pytest.mark.parametrize("duration", [_lognormal, _pareto, _bimodal, _drifting, _shifting])
def test_among_confident_estimates_the_promise_holds(duration: Duration) -> None:
    confident = [kept for answer, kept in walked(duration, 21) if answer.confidence >= 0.8]
    assert len(confident) > 1000
    assert sum(confident) / len(confident) >= 0.9875


def test_after_a_shift_confidence_falls_before_it_rises_again() -> None:
    found = walked(_shifting, 31)
    start = int(0.3 * CALLS) - WARMUP
    before, during = found[start - 1][0], [answer.confidence for answer, _ in found[start : start + 300]]
    assert min(during) < 0.8 < 0.9 < before.confidence


@pytest.mark.parametrize("endpoint", sorted(endpoints()))
def test_confident_estimates_of_recorded_arrivals_keep_the_promise(endpoint: str) -> None:
    chance = random.Random(41)
    shuffled = [
        request._replace(prompt_tokens=other.prompt_tokens, generated_tokens=other.generated_tokens)
        for request, other in zip(arrivals(), chance.sample(arrivals(), len(arrivals())), strict=True)
    ]
    estimator, within = Estimator(TimeoutSettings(floor_s=0.001)), []
    for call in sorted(calls(endpoint, "steady", 42, shuffled), key=lambda call: call.ended_at):
        answer = estimator.learn(Outcome(call.question, call.duration_s, call.ended_at))
        if answer.confidence >= 0.8:
            within.append(call.duration_s <= answer.timeout_s)
    assert len(within) > 1000
    assert sum(within) / len(within) >= 0.9875
