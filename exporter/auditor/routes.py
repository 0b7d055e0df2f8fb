"""Alertmanager's webhook, and the observations that it leads to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, request

from exporter.auditor.alertmanager import AlertmanagerAway
from exporter.auditor.asked import read_acknowledgement, read_filters
from exporter.auditor.observation import Observation
from exporter.auditor.service import Auditor
from exporter.json_routes import bad_body, refusal_of_request, reply
from exporter.types import Refused, StoreFull

_RETRY_AFTER_S = 5
_TIMES = ("started_at", "resolved_at", "updated_at", "acknowledged_at")
_AS_THEY_ARE = (
    "id", "severity", "category", "title", "description", "recommendation", "subject", "metric_name",
    "acknowledged_by", "acknowledged_note", "labels",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Guards:
    """Who may do what, judged by the Authorization header, and how large a body may be."""

    may_push: Callable[[str], bool]
    may_administer: Callable[[str], bool]
    body_bytes: int


def add_auditor(app: Flask, auditor: Auditor, guards: Guards) -> None:
    """Adds the routes."""

    @app.post("/api/v1/alerts")
    def take() -> Response:
        refused = refusal_of_request(guards.may_push, guards.body_bytes, "push")
        return refused or _answered(lambda: reply(200, {"accepted": auditor.take(request.get_data(cache=False))}))

    @app.get("/auditor/observations")
    def observations() -> Response:
        return _answered(lambda: _found(auditor, "observations"))

    @app.get("/alerts/active")
    def active() -> Response:
        return _answered(lambda: _found(auditor, "alerts", open="true"))

    @app.get("/alerts/history")
    def history() -> Response:
        return _answered(lambda: _found(auditor, "alerts"))

    @app.post("/auditor/observations/<id_>/acknowledge")
    @app.post("/auditor/acknowledge/<id_>")
    @app.post("/auditor/acknowledge", defaults={"id_": ""})
    def acknowledge(id_: str) -> Response:
        refused = refusal_of_request(guards.may_administer, guards.body_bytes, "admin")
        return refused or _answered(lambda: _acknowledged(auditor, id_))


def _answered(answer: Callable[[], Response]) -> Response:
    """The answer, or why there is none."""
    try:
        return answer()
    except Refused as error:
        return bad_body(error)
    except AlertmanagerAway as error:
        return reply(502, {"error": f"nothing is acknowledged: {error}"})
    except StoreFull as error:
        response = reply(503, {"error": str(error)})
        response.headers["Retry-After"] = str(_RETRY_AFTER_S)
        return response


def _found(auditor: Auditor, name: str, **given: str) -> Response:
    found, total = auditor.store.find(read_filters({**request.args.to_dict(), **given}))
    return reply(200, {name: [_shown(each) for each in found], "count": len(found), "total": total})


def _acknowledged(auditor: Auditor, id_: str) -> Response:
    said = read_acknowledgement(request.get_data(cache=False))
    observation = auditor.acknowledge(id_ or said.id, said)
    if observation is None:
        return reply(404, {"error": "there is no such observation"})
    return reply(200, _shown(observation))


def _shown(observation: Observation) -> dict[str, Any]:
    silence = {"id": observation.silence_id, "until": _text(observation.silenced_until)}
    return {
        **{name: getattr(observation, name) for name in _AS_THEY_ARE},
        **{name: _text(getattr(observation, name)) for name in _TIMES},
        "implementation_type": observation.labels.get("implementation"),
        "acknowledged": observation.acknowledged_at is not None,
        "silence": silence if observation.silence_id else None,
        **observation.links,
    }


def _text(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
