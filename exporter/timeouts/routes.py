"""POST /api/v1/timeout/estimate and GET /api/v1/timeout/models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from flask import Flask, Response, request

from exporter.timeouts.asked import read_request
from exporter.timeouts.service import Answer, TimeoutService
from exporter.types import Refused

_JSON = "application/json"
_encode = msgspec.json.Encoder().encode


def add_timeouts(app: Flask, service: TimeoutService, may_ask: Callable[[str], bool], body_bytes: int) -> None:
    """Adds the routes. `may_ask` judges an Authorization header; only who shows one may have the provider asked."""

    @app.post("/api/v1/timeout/estimate")
    def estimate() -> Response:
        refused = _refuse(may_ask, body_bytes)
        if refused:
            return refused
        try:
            asked = read_request(request.get_data(cache=False))
        except Refused as error:
            return _named(error)
        return _reply(200, _shown(service.estimate(asked, may_spend=bool(request.headers.get("Authorization")))))

    @app.get("/api/v1/timeout/models")
    def models() -> Response:
        return _reply(200, {"models": service.states()})


def _refuse(may_ask: Callable[[str], bool], body_bytes: int) -> Response | None:
    if not may_ask(request.headers.get("Authorization", "")):
        response = _reply(401, {"error": "the push token is missing or wrong"})
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    if request.mimetype != _JSON or request.headers.get("Content-Encoding", "identity") != "identity":
        return _reply(415, {"error": f"the body is not plain {_JSON}"})
    if (request.content_length or 0) > body_bytes:
        return _reply(413, {"error": f"the body is larger than {body_bytes} bytes"})
    return None


def _named(error: Refused) -> Response:
    field = error.field or "body"
    return _reply(400, {"error": f"{field}: {error}", "field": field, "reason": error.reason})


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


def _reply(status: int, document: dict[str, Any]) -> Response:
    return Response(_encode(document), status, content_type=_JSON)
