"""How fast the services spend what they may fail."""

from __future__ import annotations

from grafana import alert_queries as queries
from grafana.panels import Json, Line, Query, bar_gauge, colours, line, section, steps, timeseries

_SOON, _NOW = 6, 14.4
_LIMITS = steps(colours.GOOD, (_SOON, colours.WARNING), (_NOW, colours.BAD))


def lines() -> list[Line]:
    """A heading, the burn rates of both objectives, and what is left."""
    return [section("Promises"), line(8, _availability(), _latency(), _budget(), widths=(9, 9, 6))]


def _availability() -> Json:
    return _burn(
        "Burn rate of availability",
        "How many times as fast as allowed requests failed in the last hour. At 14.4 an alert fires at once, at 6 if "
        "it lasts; at 1 the budget of a month lasts a month. See what fails in Errors.",
        queries.BURN_AVAILABILITY,
    )


def _latency() -> Json:
    return _burn(
        "Burn rate of latency",
        "The same for requests that took longer than promised in config/slos.yml. Above the lines: see which layer "
        "takes the time in Request flow.",
        queries.BURN_LATENCY,
    )


def _burn(title: str, description: str, asked: list[Query]) -> Json:
    return timeseries(title, description, asked, unit="suffix:x", colors=colours.SERVICES, limits=_LIMITS)


def _budget() -> Json:
    return bar_gauge(
        "Error budget left",
        "Of 30 days, of each service's worse objective. Nearly nothing: stop risky changes to it until it has "
        "recovered. Below 0 the objective is missed.",
        queries.BUDGET,
        unit="percentunit",
        decimals=0,
        maximum=1,
        thresholds=steps(colours.BAD, (0, colours.WARNING), (0.25, colours.GOOD)),
    )
