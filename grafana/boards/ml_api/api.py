"""The HTTP requests: how many, how they end, how long they take."""

from __future__ import annotations

from grafana import ml_queries as queries
from grafana.panels import Json, Line, colours, fields, heatmap, line, section, steps, table, timeseries

_REQUESTS = "suffix:req/s"


def lines() -> list[Line]:
    """A heading, requests and their ends, their times, and each route in a row."""
    return [
        section("API"),
        line(8, _by_status(), _error_ratio(), _latency()),
        line(9, _durations(), _routes(), widths=(10, 14)),
    ]


def _by_status() -> Json:
    return timeseries(
        "Requests by status",
        "Requests a second. 4xx rising: a caller sends what the API does not take. 5xx: the API itself fails; read "
        "its log.",
        queries.BY_STATUS,
        unit=_REQUESTS,
        stacked=True,
        overrides=fields.by_pattern(colours.STATUSES),
    )


def _error_ratio() -> Json:
    return timeseries(
        "Share answered with 5xx",
        "Failed over all requests. Above the dashed line an alert fires: which route is it, and what was deployed?",
        queries.ERROR_RATIO,
        alerts=queries.ERROR_RATIO_ALERT,
        unit="percentunit",
        colors=colours.PROCESSES,
    )


def _latency() -> Json:
    return timeseries(
        "Response time",
        "Seconds within which half, 95 and 99 of 100 requests are answered. p95 above the dashed line fires an alert. "
        "p99 alone: one route, or a cold model; see the table.",
        queries.LATENCY,
        alerts=queries.LATENCY_ALERT,
        unit="s",
        colors=colours.QUANTILES,
    )


def _durations() -> Json:
    return heatmap(
        "Response times",
        "How many requests take how long. Two bands: two kinds of request, cached and not, say. A band that climbs: "
        "everything becomes slower, so look at CPU and memory.",
        queries.DURATIONS,
        unit=_REQUESTS,
        axis_unit="s",
    )


def _routes() -> Json:
    failing = steps(colours.GOOD, (0.01, colours.WARNING), (0.05, colours.BAD))
    seconds = {"unit": "s", "decimals": 0, "custom__width": 80}
    return table(
        "Routes in this time range",
        "Each route's requests, share answered with 5xx, and percentiles. Sort by a column: the route at its top is "
        "where to look first.",
        queries.ROUTES,
        columns={
            "service": "API",
            "method": "Method",
            "route": "Route",
            "Value #A": "Requests",
            "Value #B": "5xx",
            "Value #C": "p50",
            "Value #D": "p95",
            "Value #E": "p99",
        },
        overrides=[
            fields.override("API", custom__width=80),
            fields.override("Method", custom__width=80),
            fields.override("Requests", unit="locale", decimals=0, custom__width=100),
            fields.override("5xx", unit="percentunit", decimals=2, custom__width=80, **fields.text(failing)),
            fields.override("p50", **seconds),
            fields.override("p95", **seconds),
            fields.override("p99", **seconds),
        ],
        sort_by="Requests",
    )
