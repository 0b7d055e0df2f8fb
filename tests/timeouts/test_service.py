"""Whose tokens an estimate is made with, and what its source says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from exporter.calls import EstimateSource
from exporter.timeout_settings import ModelTimeouts, TimeoutSettings
from exporter.timeouts.service import Answer, EstimateRequest, TimeoutService
from exporter.timeouts.tokens import NotCounted
from tests.timeouts.doubles import Estimator, counter
from tests.timeouts.moonshot import Moonshot, answering

MESSAGES = [{"role": "user", "content": "a" * 372}]
GUESSED = 100


class Counter:
    """Counts 1,500 tokens, or says why not."""

    def __init__(self, why_not: str = "") -> None:
        self.asked: list[str] = []
        self._why_not = why_not

    def count(self, provider: str, model: str, messages: Sequence[Any]) -> int:  # noqa: ARG002
        self.asked.append(model)
        if self._why_not:
            raise NotCounted(self._why_not)
        return 1500


def estimate(estimator: Estimator, counts: Counter, request: EstimateRequest, **given: Any) -> Answer:
    """What the service answers with default settings."""
    return TimeoutService(estimator, counts, TimeoutSettings()).estimate(request, **given)


def source(answer: Answer) -> tuple[EstimateSource, int | None, str | None]:
    return answer.estimate.source, answer.prompt_tokens, answer.tokens_from


def test_a_sure_estimate_is_made_with_a_guess_and_nobody_is_asked() -> None:
    counts = Counter()
    answer = estimate(Estimator(0.5), counts, EstimateRequest("kimi-k2", MESSAGES))
    assert source(answer) == ("adaptive", GUESSED, "local")
    assert answer.estimate.timeout_s == GUESSED / 10
    assert not counts.asked


def test_an_unsure_estimate_is_made_again_with_the_providers_count() -> None:
    estimator, counts = Estimator(0.49), Counter()
    answer = estimate(estimator, counts, EstimateRequest("Kimi-K2-0905-preview", MESSAGES))
    assert source(answer) == ("estimate", 1500, "provider")
    assert answer.estimate.timeout_s == 150
    assert answer.reason is None
    assert counts.asked == ["Kimi-K2-0905-preview"]
    assert [question.prompt_tokens for question in estimator.questions] == [GUESSED, 1500]


@pytest.mark.parametrize("why", ["no_key", "not_its_model", "busy", "broken", "failed", "refused"])
def test_where_the_provider_does_not_count_the_guess_serves_and_the_answer_says_so(why: str) -> None:
    answer = estimate(Estimator(0.1, "static"), Counter(why), EstimateRequest("kimi-k2", MESSAGES))
    assert source(answer) == ("fallback", GUESSED, "local")
    assert answer.reason == why


def test_who_may_not_spend_has_nobody_asked() -> None:
    counts = Counter()
    answer = estimate(Estimator(0.1), counts, EstimateRequest("kimi-k2", MESSAGES), may_spend=False)
    assert source(answer) == ("fallback", GUESSED, "local")
    assert answer.reason == "no_token"
    assert not counts.asked


def test_the_callers_own_count_is_taken() -> None:
    counts = Counter()
    answer = estimate(Estimator(0.1), counts, EstimateRequest("kimi-k2", MESSAGES, prompt_tokens=77))
    assert source(answer) == ("adaptive", 77, "request")
    assert not counts.asked


@pytest.mark.parametrize("messages", [None, []])
def test_without_messages_there_is_nothing_to_count(messages: list[Any] | None) -> None:
    counts = Counter()
    answer = estimate(Estimator(0.1, "static"), counts, EstimateRequest("kimi-k2", messages))
    assert source(answer) == ("static", None, None)
    assert not counts.asked


def test_an_override_is_not_worth_a_question() -> None:
    counts = Counter()
    answer = estimate(Estimator(0.0, "emergency"), counts, EstimateRequest("kimi-k2", MESSAGES))
    assert source(answer) == ("emergency", GUESSED, "local")
    assert not counts.asked


@pytest.mark.parametrize(("threshold", "asked"), [(0.0, 0), (0.9, 1)])
def test_the_threshold_is_the_models_own(threshold: float, asked: int) -> None:
    counts = Counter()
    settings = TimeoutSettings(models={"kimi-k2": ModelTimeouts(confidence_threshold=threshold)})
    TimeoutService(Estimator(0.4), counts, settings).estimate(EstimateRequest("Kimi-K2-20250905", MESSAGES))
    assert len(counts.asked) == asked


def test_what_is_known_before_the_call_reaches_the_estimator() -> None:
    estimator = Estimator()
    estimate(estimator, Counter(), EstimateRequest("kimi-k2", None, "file_based", 5, 6, 0.95))
    asked = estimator.questions[0]
    assert (asked.model, asked.request_type, asked.prompt_tokens, asked.max_tokens, asked.quantile) == (
        "kimi-k2", "file_based", 5, 6, 0.95,
    )  # fmt: skip


def test_text_is_what_durations_call_text_only() -> None:
    estimator = Estimator()
    estimate(estimator, Counter(), EstimateRequest("kimi-k2", request_type="text"))
    assert estimator.questions[0].request_type == "text_only"


def test_a_real_counter_that_fails_still_gives_an_estimate(provider: Moonshot) -> None:
    provider.behave = answering(500, b"")
    service = TimeoutService(Estimator(0.1), counter(provider), TimeoutSettings())
    answer = service.estimate(EstimateRequest("kimi-k2", MESSAGES))
    assert (source(answer), answer.reason) == (("fallback", GUESSED, "local"), "failed")
