"""Errors of connections over time: how many, and how large a share, by service, type, script and function."""

from __future__ import annotations

from grafana import error_queries as queries
from grafana.panels import Json, Line, Query, colours, fields, line, section, timeseries

_ERRORS = "suffix:/s"
_FUNCTIONS = fields.by_pattern({"/.*/": colours.SKY})


def lines() -> list[Line]:
    """Rates above shares."""
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


def _shares() -> tuple[Json, Json, Json, Json]:
    return (
        timeseries(
            "Error ratio by service",
            "Share of a service's operations that fail, whatever the error; the dashed line is where its alert begins. "
            "Above it: act on the alert, its runbook says how.",
            queries.RATIO_BY_SERVICE,
            unit="percentunit",
            colors=colours.SERVICES,
            alerts=queries.RATIO_ALERT,
        ),
        _share(
            "Share of the errors by type",
            "How the chosen errors divide into types; refused calls with an error text are among them. One type has "
            "nearly all: one cause. Several at once: something that all need is away.",
            queries.SHARE_BY_TYPE,
            fields.errors(),
        ),
        _share(
            "Share of the errors by script",
            "Which scripts the chosen errors come from. A script is not broken because it has most of them: it may "
            "have most of the traffic; see its functions.",
            queries.SHARE_BY_SCRIPT,
            fields.by_pattern(colours.SCRIPTS),
        ),
        _share(
            "Error ratio by function",
            "Share of a function's own operations that fail, whatever the error. Near 100 %: it is broken, not "
            "unlucky; see what was deployed when it began.",
            queries.RATIO_BY_FUNCTION,
            _FUNCTIONS,
        ),
    )


def _share(title: str, description: str, asked: list[Query], overrides: list[Json]) -> Json:
    return timeseries(title, description, asked, unit="percentunit", overrides=overrides)
