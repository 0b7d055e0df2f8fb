"""Errors of providers, of the cache and of HTTP services."""

from __future__ import annotations

from grafana import error_queries as queries
from grafana.panels import Json, Line, colours, fields, filled_by, line, section, table, timeseries
from grafana.panels.filling import CACHE, HTTP

_STATUSES = {"/5xx$/": colours.BAD, "/4xx$/": colours.YELLOW}


def lines() -> list[Line]:
    """Over time, then the routes that answer with errors."""
    return [
        section("Providers, cache and HTTP"),
        line(8, _failed_calls(), _rate_limited(), filled_by(CACHE, _cache())),
        line(8, filled_by(HTTP, _http()), filled_by(HTTP, _routes()), widths=(10, 14)),
    ]


def _failed_calls() -> Json:
    return timeseries(
        "Failed model calls",
        "The share of each model's calls that failed or timed out. One model: route its callers to another. All of a "
        "provider: look at its status page.",
        queries.FAILED_CALLS,
        unit="percentunit",
        overrides=fields.models(),
    )


def _rate_limited() -> Json:
    return timeseries(
        "Refused by providers with 429",
        "The share of a provider's calls that it refused because there were too many. More than a moment: send "
        "fewer, or ask for a higher quota.",
        queries.RATE_LIMITED,
        unit="percentunit",
        colors={name: colours.SERVICES[name] for name in ("kimi", "glm")},
    )


def _cache() -> Json:
    return timeseries(
        "Errors of the semantic cache",
        "Failed operations by type. Connection errors: the store below is away. Others: entries cannot be read; see "
        "what changed their format.",
        queries.CACHE_ERRORS,
        unit="suffix:/s",
        stacked=True,
        overrides=fields.errors(),
    )


def _http() -> Json:
    return timeseries(
        "HTTP errors by service",
        "5xx are the service's fault, and the dashed line is where their alert begins; 4xx are the caller's. 4xx that "
        "rise after a deployment: it broke its callers.",
        queries.HTTP_RATIO,
        unit="percentunit",
        overrides=fields.by_pattern(_STATUSES),
        alerts=queries.HTTP_ALERT,
    )


def _routes() -> Json:
    return table(
        "Routes that answer with errors",
        "By service, route and status, with the share of all requests of the route. A route near 100 % is broken for "
        "everybody; try it by hand.",
        queries.HTTP_ROUTES,
        columns={
            "service": "Service",
            "method": "Method",
            "route": "Route",
            "status": "Status",
            "Value #A": "Answers",
            "Value #B": "Of the route",
        },
        overrides=[
            fields.override("Service", custom__width=110),
            fields.override("Method", custom__width=90),
            fields.override("Status", custom__width=90),
            fields.override("Answers", unit="locale", decimals=0, custom__width=100),
            fields.override("Of the route", unit="percentunit", decimals=1, custom__width=120),
        ],
        sort_by="Answers",
    )
