"""The models that the simulated gateway calls, and how such a call goes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from exporter.demo.conditions import Conditions
from exporter.demo.shapes import Outcome

REQUEST_TYPES = ("text_only", "file_based", "file_reuse")
ESTIMATE_SOURCES = ("adaptive", "static", "estimate", "fallback", "emergency")


@dataclass(frozen=True, slots=True)
class Model:
    """One model; `patience` is its timeout over its usual duration."""

    name: str
    provider: str
    completion_tokens: int
    ms_per_token: float
    patience: float


MODELS = (
    Model("kimi-k2-0905-preview", "kimi", 190, 25, 10),
    Model("kimi-k2-turbo-preview", "kimi", 250, 22, 10),
    Model("kimi-thinking-preview", "kimi", 360, 22, 10),
    Model("glm-4.5-flash", "glm", 110, 20, 3),
    Model("glm-4.6", "glm", 240, 24, 3),
)
"""The models of the recorded gateway, with about the speeds that it saw."""

_FIRST_TOKEN_MS = 600
_WEIGHTS = (70, 12, 8, 6, 4)


@dataclass(frozen=True, slots=True)
class ModelCall:
    """How one call went, in milliseconds and tokens; a call that failed has an `error`."""

    model: Model
    request_type: str
    first_token_ms: float
    duration_ms: float
    prompt_tokens: int
    completion_tokens: int
    timeout_s: float
    estimate_source: str
    outcome: Outcome = "ok"
    error: str | None = None


def around(rng: Random, median: float, spread: float = 0.5) -> float:
    """A positive number near `median`; two thirds of them within a factor of e^spread."""
    return median * math.exp(rng.gauss(0, spread))


def call_model(rng: Random, conditions: Conditions, call_index: int) -> ModelCall:
    """One call of a model that the gateway picks; conversations slow down from their third call on."""
    model = rng.choice(MODELS)
    slower = conditions.slowdown.get(model.provider, 1) * (1.3 if call_index >= 3 else 1)
    tokens = max(1, round(around(rng, model.completion_tokens)))
    first_token_ms = around(rng, _FIRST_TOKEN_MS, 0.4) * slower
    call = ModelCall(
        model,
        rng.choice(REQUEST_TYPES),
        first_token_ms,
        first_token_ms + tokens * around(rng, model.ms_per_token, 0.15) * slower,
        max(1, round(around(rng, 650 * (1 + call_index / 4), 0.8))),
        tokens,
        round(_usual_ms(model) / 1000 * model.patience * rng.uniform(0.7, 1.3), 1),
        rng.choices(ESTIMATE_SOURCES, _WEIGHTS)[0],
    )
    return _ended(call, conditions.failure(model.provider, rng), rng)


def _usual_ms(model: Model) -> float:
    return _FIRST_TOKEN_MS + model.completion_tokens * model.ms_per_token


def _ended(call: ModelCall, failure: str | None, rng: Random) -> ModelCall:
    if failure:
        return _without_answer(call, around(rng, 120), "error", failure)
    if call.duration_ms > call.timeout_s * 1000:
        cut_off_ms = call.timeout_s * 1000 + rng.uniform(5, 250)
        error = f"TimeoutError: timed out after {call.timeout_s:g}s"
        return _without_answer(call, cut_off_ms, "timeout", error)
    return call


def _without_answer(call: ModelCall, duration_ms: float, outcome: Outcome, error: str) -> ModelCall:
    return ModelCall(
        call.model, call.request_type, 0, duration_ms, call.prompt_tokens, 0,
        call.timeout_s, call.estimate_source, outcome, error,
    )  # fmt: skip
