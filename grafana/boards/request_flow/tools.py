"""Requests by tool, over time."""

from __future__ import annotations

from grafana import flow_queries as queries
from grafana.panels import Json, Line, colours, fields, heatmap, line, section, timeseries

_TOOLS = fields.by_pattern({"/.*/": colours.SKY})
_REQUESTS = "suffix:/s"


def lines() -> list[Line]:
    """How long requests take, how many there are, and how many fail."""
    return [
        section("Tools over time"),
        line(8, _distribution(), _p95()),
        line(8, _rate(), _failed()),
    ]


def _distribution() -> Json:
    return heatmap(
        "Time of requests",
        "How many requests took how long. Two bands: what the cache answers and what a model does. A band that moves "
        "up: all became slower; a new one: some did.",
        queries.DISTRIBUTION,
        unit=_REQUESTS,
        axis_unit="s",
    )


def _p95() -> Json:
    return timeseries(
        "Time of requests by tool, p95",
        "Seconds that 95 of 100 requests of a tool stay within. One tool: choose it above and see its layers. Points "
        "are requests: click one to see its trace.",
        queries.P95_BY_TOOL,
        unit="s",
        overrides=_TOOLS,
        logarithmic=True,
    )


def _rate() -> Json:
    return timeseries(
        "Requests by tool",
        "Requests that ended, a second. One tool that rises alone: a caller repeats itself. All that fall: callers "
        "cannot reach the gateway.",
        queries.RATE_BY_TOOL,
        unit=_REQUESTS,
        overrides=_TOOLS,
        stacked=True,
    )


def _failed() -> Json:
    return timeseries(
        "Failed requests by tool",
        "The share of each tool's requests that ended without success. One tool: see what it alone calls. All: see "
        "the board Errors.",
        queries.FAILED_BY_TOOL,
        unit="percentunit",
        overrides=_TOOLS,
    )
