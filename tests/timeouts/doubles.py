"""An estimator that answers what it is told, and the routes behind a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, request

from exporter.calls import Estimate, EstimateSource, Question, normalised, provider_of
from exporter.timeout_settings import TimeoutSettings, TokenEstimates
from exporter.timeouts.routes import add_timeouts
from exporter.timeouts.service import Counts, TimeoutService
from exporter.timeouts.tokens import TokenCounter
from tests.served_app import served_app
from tests.servers import LOOPBACK, free_port
from tests.timeouts.moonshot import KEY, Moonshot

TOKEN = "the-push-token"
BODY_BYTES = 100_000


@dataclass
class Estimator:
    """One second for ten prompt tokens, and keeps the questions."""

    confidence: float = 0.85
    source: EstimateSource = "adaptive"
    samples: int = 50
    questions: list[Question] = field(default_factory=list)

    def estimate(self, question: Question) -> Estimate:
        """The answer."""
        self.questions.append(question)
        seconds = (question.prompt_tokens or 1800) / 10
        return Estimate(
            timeout_s=seconds,
            confidence=self.confidence,
            source=self.source,
            expected_duration_s=seconds / 3,
            interval=(seconds / 4, seconds / 2),
            coverage=0.9912 if self.samples else None,
            samples=self.samples,
            model=normalised(question.model),
            request_type=question.request_type,
            provider=question.provider or provider_of(question.model),
        )

    def states(self) -> Sequence[Mapping[str, Any]]:
        """Two models."""
        return [{"model": "kimi-k2", "samples": 50}, {"model": "glm-4", "samples": 3}]


def counter(
    stub: Moonshot, key: str = KEY, *, timeout_s: float = 5.0, opens_after: int = 3, opens_for_s: float = 30.0
) -> TokenCounter:
    """A counter that asks the stub."""
    settings = TokenEstimates(base_url=stub.url, timeout_s=timeout_s)
    return TokenCounter(settings, key, opens_after=opens_after, opens_for_s=opens_for_s)


def may_ask(authorization: str) -> bool:
    """The rule on loopback: no token or the right one."""
    return authorization in ("", f"Bearer {TOKEN}")


def timeouts_app(estimator: Estimator, counts: Counts, settings: TimeoutSettings | None = None) -> Flask:
    """The routes alone."""
    app = Flask("timeouts")
    add_timeouts(app, TimeoutService(estimator, counts, settings or TimeoutSettings()), may_ask, BODY_BYTES)
    return app


@dataclass
class Gateway:
    """The routes on a port, and the events that were pushed to it; `status` and `answer` make pushes fail."""

    url: str
    events: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    status: int = 202
    answer: Callable[[list[dict[str, Any]]], Any] = lambda events: {"accepted": len(events), "rejected": 0}


@contextmanager
def served(app: Flask, port: int | None = None) -> Iterator[Gateway]:
    """The application behind the server that the exporter uses."""
    port = port or free_port()
    gateway = Gateway(f"http://{LOOPBACK}:{port}")

    @app.post("/api/v1/events")
    def events() -> Response:
        gateway.keys.append(request.headers.get("Idempotency-Key"))
        given = request.get_json()
        if gateway.status < 300:
            gateway.events.extend(given)
        reply = app.json.response(gateway.answer(given))
        reply.status_code = gateway.status
        return reply

    with served_app(app, port):
        yield gateway
