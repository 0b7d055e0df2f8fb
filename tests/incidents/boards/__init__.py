"""The truth about each board, by its uid."""

from __future__ import annotations

from collections.abc import Mapping

from tests.incidents.boards import (
    alert_history,
    alerts,
    bundle_health,
    cache_observations,
    compare,
    error_details,
    errors,
    gateway_overview,
    ml_api,
    model_calls,
    providers_timeouts,
    request_flow,
    semantic_cache,
    sessions,
    trace,
)
from tests.incidents.figures import Figures
from tests.incidents.rows import RowFigures

_ASK_PROMETHEUS = (
    alerts,
    bundle_health,
    compare,
    errors,
    gateway_overview,
    ml_api,
    providers_timeouts,
    request_flow,
    semantic_cache,
    sessions,
)

TRUTHS: Mapping[str, Figures] = {module.UID: module.FIGURES for module in _ASK_PROMETHEUS}
"""Of the boards that ask Prometheus."""

_ASK_POSTGRES = (alert_history, cache_observations, error_details, model_calls, trace)

ROWS: Mapping[str, RowFigures] = {module.UID: module.ROWS for module in _ASK_POSTGRES}
"""Of those that ask PostgreSQL."""
