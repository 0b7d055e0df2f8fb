"""GET and POST /api/v1/alerts/configure, and the same without /api/v1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request

from exporter.json_routes import bad_body, refusal_of_request, reply
from exporter.redaction import mask_addresses
from exporter.thresholds.effective import is_known, settings
from exporter.thresholds.overlay import Setting
from exporter.thresholds.service import NotSaved, Thresholds, View
from exporter.thresholds.shipped import SCOPE
from exporter.types import Refused

_PATHS = ("/api/v1/alerts/configure", "/alerts/configure")


def add_thresholds(app: Flask, thresholds: Thresholds, may_administer: Callable[[str], bool], body_bytes: int) -> None:
    """Adds the routes; `may_administer` judges the Authorization header of who wants to change something."""

    def shown() -> Response:
        return reply(200, _document(thresholds.view()))

    def configure() -> Response:
        refused = refusal_of_request(may_administer, body_bytes, "admin")
        if refused:
            return refused
        try:
            view = thresholds.configure(request.get_data(cache=False), mask_addresses(request.remote_addr or ""))
        except Refused as error:
            return bad_body(error)
        except NotSaved as error:
            return reply(503, {"error": str(error)})
        return reply(200, _document(view))

    for number, path in enumerate(_PATHS):
        app.add_url_rule(path, f"thresholds_{number}", shown, methods=["GET"])
        app.add_url_rule(path, f"configure_{number}", configure, methods=["POST"])


def _document(view: View) -> dict[str, Any]:
    return {
        "thresholds": _thresholds(view),
        "unused": [change for change in view.overlay.changes if not is_known(change, view.shipped)],
        "audit": view.overlay.audit[::-1],
        "problem": view.problem or None,
    }


def _thresholds(view: View) -> list[dict[str, Any]]:
    """Every default and override: as it is shipped, as it was changed, and what holds."""
    as_shipped: dict[Any, Setting] = {**settings(view.shipped)}
    changes = {change.key: change for change in view.overlay.changes}
    found = []
    for key, effective in view.settings.items():
        threshold, change = view.shipped[key[0]], changes.get(key)
        found.append(
            {
                "name": key[0],
                **dict(zip(SCOPE, key[1], strict=True)),
                "unit": threshold.unit,
                "severity": threshold.severity,
                "series": threshold.series,
                "told_apart_by": list(threshold.scope),
                "note": threshold.note,
                "shipped": as_shipped.get(key),
                "overlay": change,
                "effective": effective,
            }
        )
    return found
