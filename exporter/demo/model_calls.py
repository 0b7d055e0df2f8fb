"""The models that the simulated gateway calls, and how such a call goes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from random import Random

from exporter.demo.conditions import Conditions
from exporter.demo.shapes import Outcome

REQUEST_TYPES = ("text_only", "file_based", "file_reuse")
ESTIMATE_SOURCES = ("adaptive", "static", "estimate", "fallback", "emergency", "")
"""Who gave a call its timeout; the last is a caller that asks for none and has a long one of its own."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model; its calls are `instrumented` where the application that makes them records them itself."""

    name: str
    provider: str
    completion_tokens: int
    ms_per_token: float
    instrumented: bool = True


MODELS = (
    Model("kimi-k2-0905-preview", "kimi", 190, 25),
    Model("kimi-k2-turbo-preview", "kimi", 250, 22, instrumented=False),
    Model("kimi-thinking-preview", "kimi", 360, 22),
    Model("glm-4.5-flash", "glm", 110, 20, instrumented=False),
    Model("glm-4.6", "glm", 240, 24),
)
"""The models of the recorded gateway, with about the speeds that it saw."""

_FIRST_TOKEN_MS = 600
_WEIGHTS = (40, 10, 6, 4, 3, 37)
_PATIENCE = 5
"""An adaptive timeout over the usual duration of its model."""
_STATIC_S = {"kimi": 300.0, "glm": 120.0}
_EMERGENCY_S = 600.0
_LEARNED = ("adaptive", "estimate")
_LIMITS_TOKENS = (256, 512, 1024, 2048, 4096, 8192)


@dataclass(frozen=True, slots=True)
class ModelCall:
    """How one call went, in milliseconds and tokens; a call that failed has an `error`."""

    model: Model
    request_type: str
    first_token_ms: float
    duration_ms: float
    prompt_tokens: int
    completion_tokens: int
    max_tokens: int
    timeout_s: float
    estimate_source: str
    outcome: Outcome = "ok"
    error: str | None = None


def around(rng: Random, median: float, spread: float = 0.5) -> float:
    """A positive number near `median`; two thirds of them within a factor of e^spread."""
    return median * math.exp(rng.gauss(0, spread))


def call_model(rng: Random, conditions: Conditions, call_index: int) -> ModelCall:
    """Return how a call of a model that the gateway picks goes; `call_index` makes its prompt longer."""
    model = rng.choice(MODELS)
    slower = conditions.slower(model.provider, model.name)
    drawn = rng.choices(ESTIMATE_SOURCES, _WEIGHTS)[0]
    source = drawn if model.instrumented else ""
    tokens = max(1, round(around(rng, model.completion_tokens)))
    first_token_ms = around(rng, _FIRST_TOKEN_MS, 0.4) * slower
    call = ModelCall(
        model,
        rng.choice(REQUEST_TYPES),
        first_token_ms,
        first_token_ms + tokens * around(rng, model.ms_per_token, 0.15) * slower,
        max(1, round(around(rng, 650 * (1 + call_index / 4), 0.8))),
        tokens,
        _limit_above(tokens, rng),
        round(_timeout_s(model, source, rng), 1),
        source,
    )
    return _ended(call, conditions.failure(model.provider, rng), rng)


def _limit_above(tokens: int, rng: Random) -> int:
    """The most tokens that the caller lets the model write: a round number, one to six times what it takes."""
    wanted = tokens * rng.uniform(1, 3)
    return next((limit for limit in _LIMITS_TOKENS if limit >= wanted), tokens)


def _timeout_s(model: Model, source: str, rng: Random) -> float:
    if source in _LEARNED:
        return _usual_ms(model) / 1000 * _PATIENCE * rng.uniform(0.8, 1.2)
    return _EMERGENCY_S if source == "emergency" else _STATIC_S[model.provider]


def _usual_ms(model: Model) -> float:
    return _FIRST_TOKEN_MS + model.completion_tokens * model.ms_per_token


def _ended(call: ModelCall, failure: str | None, rng: Random) -> ModelCall:
    if failure:
        return _without_answer(call, around(rng, 120), "error", failure)
    if call.duration_ms > call.timeout_s * 1000:
        cut_off_ms = call.timeout_s * 1000 + rng.uniform(5, 250)
        error = "Request timed out."
        return _without_answer(call, cut_off_ms, "timeout", error)
    return call


def _without_answer(call: ModelCall, duration_ms: float, outcome: Outcome, error: str) -> ModelCall:
    return replace(call, first_token_ms=0, duration_ms=duration_ms, completion_tokens=0, outcome=outcome, error=error)
