"""The answer to "how long may this call take?": the estimator's, with the prompt's tokens counted where need be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from exporter.calls import USUAL_REQUEST_TYPE, Estimate, Question, request_type_of
from exporter.timeout_settings import TimeoutSettings
from exporter.timeouts.local_tokens import approximate_tokens
from exporter.timeouts.policy import policy_for
from exporter.timeouts.tokens import Messages, NotCounted

TokensFrom = Literal["request", "provider", "local"]


@dataclass(frozen=True, slots=True)
class EstimateRequest:
    """A call that is going to be made. `prompt_tokens` are the caller's own count, and spare any other."""

    model: str
    messages: Messages | None = None
    request_type: str = USUAL_REQUEST_TYPE
    prompt_tokens: int | None = None
    max_tokens: int | None = None
    quantile: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An estimate, the prompt tokens that it is for and who counted them; `reason` is why the provider did not."""

    estimate: Estimate
    prompt_tokens: int | None = None
    tokens_from: TokensFrom | None = None
    reason: str | None = None


class Estimates(Protocol):
    """What estimates."""

    def estimate(self, question: Question) -> Estimate:
        """The timeout for such a call."""

    def states(self) -> Sequence[Mapping[str, Any]]:
        """What is known of every model."""


class Counts(Protocol):
    """What counts tokens."""

    def count(self, provider: str, model: str, messages: Messages) -> int:
        """The prompt's tokens; raises NotCounted."""


class TimeoutService:
    """Answers from any thread."""

    def __init__(self, estimator: Estimates, counter: Counts, settings: TimeoutSettings) -> None:
        self._estimator, self._counter, self._settings = estimator, counter, settings

    def estimate(self, request: EstimateRequest, *, may_spend: bool = True) -> Answer:
        """The answer, whose source is the estimator's (`adaptive`, `static`, `emergency`), or one of two others.

        The provider is wanted when messages are given without their count, the estimate's confidence is below the
        model's threshold, and no override holds. `estimate`: it counted, and the estimate is made with its count.
        `fallback`: it did not (`reason` says why; without `may_spend` it is not asked), and a local guess serves.
        """
        tokens, tokens_from = _tokens_of(request)
        question = _question(request, tokens)
        answer = Answer(self._estimator.estimate(question), tokens, tokens_from)
        if not request.messages or tokens_from != "local" or not self._is_unsure(answer.estimate):
            return answer
        try:
            counted = self._counted(request, request.messages, answer.estimate.provider, may_spend)
        except NotCounted as why:
            return replace(answer, estimate=replace(answer.estimate, source="fallback"), reason=str(why))
        again = self._estimator.estimate(replace(question, prompt_tokens=counted))
        return Answer(replace(again, source="estimate"), counted, "provider")

    def states(self) -> Sequence[Mapping[str, Any]]:
        """What is known of every model."""
        return self._estimator.states()

    def _is_unsure(self, estimate: Estimate) -> bool:
        threshold = policy_for(self._settings, estimate.model, estimate.provider).confidence_threshold
        return estimate.source != "emergency" and estimate.confidence < threshold

    def _counted(self, request: EstimateRequest, messages: Messages, provider: str, may_spend: bool) -> int:
        if not may_spend:
            raise NotCounted("no_token")
        return self._counter.count(provider, request.model, messages)


def _tokens_of(request: EstimateRequest) -> tuple[int | None, TokensFrom | None]:
    if request.prompt_tokens is not None:
        return request.prompt_tokens, "request"
    if request.messages:
        return approximate_tokens(request.messages), "local"
    return None, None


def _question(request: EstimateRequest, tokens: int | None) -> Question:
    return Question(
        model=request.model,
        request_type=request_type_of(request.request_type),
        prompt_tokens=tokens,
        max_tokens=request.max_tokens,
        quantile=request.quantile,
    )
