"""Errors of connections over time: how many, and how large a share, by type, by script and by function."""

from __future__ import annotations

from grafana import error_queries as queries
from grafana.panels import Json, Line, Query, colours, fields, line, section, timeseries

_ERRORS = "suffix:/s"
_FUNCTIONS = fields.by_pattern({"/.*/": colours.SKY})


def lines() -> list[Line]:
    """Rates above shares, each by the same three labels."""
    return [
        section("Connections"),
        line(8, *_rates()),
        line(8, *_shares()),
    ]


def _rates() -> tuple[Json, Json, Json]:
    return (
        _rate(
            "Errors by type",
            "What goes wrong. Timeouts: compare the latency. Refused or reset: is the service up? Refused by status: "
            "the provider says why, in the message.",
            queries.RATE_BY_TYPE,
            fields.errors(),
        ),
        _rate(
            "Errors by script",
            "Whose code fails. One script: look at the service behind it. All of them: look at the network and the "
            "host.",
            queries.RATE_BY_SCRIPT,
            fields.by_pattern(colours.SCRIPTS),
        ),
        _rate(
            "Errors by function",
            "What was being done. One function of several of a script: look at what it alone needs, such as one "
            "table or one route.",
            queries.RATE_BY_FUNCTION,
            _FUNCTIONS,
        ),
    )


def _rate(title: str, description: str, asked: list[Query], overrides: list[Json]) -> Json:
    return timeseries(title, description, asked, unit=_ERRORS, stacked=True, overrides=overrides)


def _shares() -> tuple[Json, Json, Json]:
    return (
        _share(
            "Error ratio by type",
            "Share of all operations that fail in each way. If it rises while the rate above does not, there are fewer "
            "operations; see whether callers gave up.",
            queries.RATIO_BY_TYPE,
            fields.errors(),
        ),
        timeseries(
            "Error ratio by script",
            "Share of all operations that fail in each script; the dashed line is where the alert of a service begins. "
            "Above it: act on the alert, its runbook says how.",
            queries.RATIO_BY_SCRIPT,
            unit="percentunit",
            overrides=fields.by_pattern(colours.SCRIPTS),
            alerts=queries.RATIO_ALERT,
        ),
        _share(
            "Error ratio by function",
            "Share of a function's own operations that fail. Near 100 %: it is broken, not unlucky; see what was "
            "deployed when it began.",
            queries.RATIO_BY_FUNCTION,
            _FUNCTIONS,
        ),
    )


def _share(title: str, description: str, asked: list[Query], overrides: list[Json]) -> Json:
    return timeseries(title, description, asked, unit="percentunit", overrides=overrides)
