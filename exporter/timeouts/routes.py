"""POST /api/v1/timeout/estimate and GET /api/v1/timeout/models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request

from exporter.json_routes import bad_body, refusal_of_request, reply
from exporter.timeouts.asked import read_request
from exporter.timeouts.service import Answer, TimeoutService
from exporter.types import Refused


def add_timeouts(app: Flask, service: TimeoutService, may_ask: Callable[[str], bool], body_bytes: int) -> None:
    """Adds the routes. `may_ask` judges an Authorization header; only who shows one may have the provider asked."""

    @app.post("/api/v1/timeout/estimate")
    def estimate() -> Response:
        refused = refusal_of_request(may_ask, body_bytes, "push")
        if refused:
            return refused
        try:
            asked = read_request(request.get_data(cache=False))
        except Refused as error:
            return bad_body(error)
        return reply(200, _shown(service.estimate(asked, may_spend=bool(request.headers.get("Authorization")))))

    @app.get("/api/v1/timeout/models")
    def models() -> Response:
        return reply(200, {"models": service.states()})


def _shown(answer: Answer) -> dict[str, Any]:
    estimate = answer.estimate
    return {
        "timeout": round(estimate.timeout_s, 3),
        "confidence": round(estimate.confidence, 4),
        "source": estimate.source,
        "expected_duration_s": round(estimate.expected_duration_s, 3),
        "interval": [round(seconds, 3) for seconds in estimate.interval],
        "coverage": estimate.coverage,
        "request_type": estimate.request_type,
        "model": estimate.model,
        "metadata": {
            "samples_used": estimate.samples,
            "estimated_tokens": answer.prompt_tokens,
            "provider": estimate.provider,
            "tokens_from": answer.tokens_from,
            "reason": answer.reason,
        },
    }
