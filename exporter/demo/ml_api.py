"""The ML API beside the gateway: its HTTP requests and its models' predictions."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from exporter.demo.model_calls import around
from exporter.demo.shapes import Event, HttpEvent, PredictionEvent

SERVICE = "ml-api"


@dataclass(frozen=True, slots=True)
class Predictor:
    """One model: its usual absolute error and confidence, its R squared, and the baseline's mean error."""

    name: str
    error: float
    confidence: float
    r2: float
    baseline_mae: float


PREDICTORS = (
    Predictor("result_predictor", 3.9, 0.68, 0.934, 9.6),
    Predictor("duration_predictor", 0.55, 0.75, 0.981, 4.8),
)

_PREDICT = "/predict/{model}"
PREDICTION_MS = 120.0
"""What a prediction usually takes."""

_ROUTES = (
    (_PREDICT, "POST", PREDICTION_MS),
    ("/optimize", "POST", 240.0),
    ("/models", "GET", 12.0),
    ("/health", "GET", 3.0),
)
_WEIGHTS = (70, 10, 10, 10)
_ERRORS = {
    400: "ValidationError: field 'features' is missing",
    500: "RuntimeError: the model returned no finite number",
}


def answer_one(rng: Random, at: float) -> list[Event]:
    """One request that the ML API answers at `at` (Unix seconds), and the prediction in it, if any; it has no trace."""
    route, method, median_ms = rng.choices(_ROUTES, _WEIGHTS)[0]
    return _answered(rng, at, _request(rng, at, route, method, around(rng, median_ms)))


def predict_for(trace_id: str, rng: Random, at: float, took_ms: float) -> list[Event]:
    """The same for a prediction that a traced request has waited for."""
    return _answered(rng, at, {**_request(rng, at, _PREDICT, "POST", took_ms), "trace_id": trace_id})


def _request(rng: Random, at: float, route: str, method: str, took_ms: float) -> HttpEvent:
    status = rng.choices((200, 400, 500), (96, 3, 1))[0]
    request: HttpEvent = {
        "kind": "http",
        "service": SERVICE,
        "route": route,
        "method": method,
        "status": status,
        "duration_ms": round(took_ms, 3),
        "timestamp": at,
    }
    if status in _ERRORS:
        request["error"] = _ERRORS[status]
    return request


def _answered(rng: Random, at: float, request: HttpEvent) -> list[Event]:
    predicts = (request["route"], request["status"]) == (_PREDICT, 200)
    return [request, _predict(rng, at)] if predicts else [request]


def _predict(rng: Random, at: float) -> PredictionEvent:
    model = rng.choice(PREDICTORS)
    return {
        "kind": "prediction",
        "service": SERVICE,
        "model": model.name,
        "timestamp": at,
        "absolute_error": round(model.error * rng.expovariate(1), 4),
        "confidence": round(min(1.0, max(0.0, rng.gauss(model.confidence, 0.06))), 4),
        "r2": round(min(1.0, rng.gauss(model.r2, 0.004)), 4),
        "baseline_mae": round(rng.gauss(model.baseline_mae, 0.05), 4),
    }
