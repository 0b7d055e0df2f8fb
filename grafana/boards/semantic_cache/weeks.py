"""This week, and dashed beside it the same hour a week ago."""

from __future__ import annotations

from collections.abc import Sequence

from grafana import cache_queries as queries
from grafana.panels import Json, Line, Query, fields, line, section, timeseries


def lines() -> list[Line]:
    """A heading and three comparisons; that of the hit ratio stands at the top of the board."""
    return [section("Week over week"), line(8, _lookups(), _p95(), _errors())]


def hit_ratio() -> Json:
    """The comparison that comes first."""
    return _compared(
        "Hit ratio, this week and last",
        "Dashed: the same time a week ago. The band is what is usual at this hour of the week, learned from some days. "
        "Apart from the dashed line but inside the band: a calendar effect; outside: see what was deployed since.",
        queries.HIT_RATIO_WEEKS,
        "percentunit",
        near=0.4,
    )


def _lookups() -> Json:
    return _compared(
        "Look-ups, this week and last",
        "Dashed: the same time a week ago. Fewer look-ups at the same hit ratio is less traffic, not a worse "
        "cache; look at the gateway's requests.",
        queries.LOOKUPS_WEEKS,
        "suffix:/s",
    )


def _p95() -> Json:
    return _compared(
        "Response p95, this week and last",
        "Dashed: the same time a week ago. Slower with the same look-ups: more entries, or a slower store; "
        "compare size and errors.",
        queries.P95_WEEKS,
        "s",
    )


def _errors() -> Json:
    return _compared(
        "Error ratio, this week and last",
        "Dashed: the same time a week ago. Errors at the same hour each week: a job that runs then; new ones: "
        "see their types.",
        queries.ERROR_RATIO_WEEKS,
        "percentunit",
        alerts=queries.ERROR_RATIO_ALERT,
    )


def _compared(
    title: str,
    description: str,
    asked: Sequence[Query],
    unit: str,
    near: float | None = None,
    alerts: Sequence[Query] = (),
) -> Json:
    by_name = fields.implementations(filled=True)
    return timeseries(title, description, asked, unit=unit, near=near, overrides=by_name, alerts=alerts)
