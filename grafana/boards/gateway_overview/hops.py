"""Cards about the operations of all hops: availability, error budget, rate, failed share and latency."""

from __future__ import annotations

from grafana import overview_queries as queries
from grafana.panels import Json, Line, colours, line, link, stat, steps

_BUDGET = steps(colours.BAD, (0, colours.WARNING), (0.25, colours.GOOD))
_FAILING = steps(colours.GOOD, (0.05, colours.WARNING), (0.1, colours.BAD))
_ERRORS = link("What fails", "exai-errors")
_FLOW = link("Where the time goes", "exai-request-flow")


def cards() -> Line:
    """Return a line of five cards."""
    return line(
        4,
        _availability(),
        _error_budget(),
        _operations(),
        _error_ratio(),
        _latency(),
        widths=(5, 5, 4, 5, 5),
    )


def _availability() -> Json:
    return stat(
        "Availability",
        "Share of operations that did not fail, in this time range and in 30 days. What each service promises stands "
        "in config/slos.yml. Lower now than in 30 days: something is failing; look at the cards below.",
        queries.AVAILABILITY,
        unit="percentunit",
        decimals=2,
        named=True,
        links=[_ERRORS],
    )


def _error_budget() -> Json:
    return stat(
        "Error budget left",
        "Of what may fail or be late in 30 days, added up every 5 minutes: of all services together, and of the "
        "service and objective with the least. Below 0 an objective is missed: stop risky changes until it is above. "
        "No value: too few operations.",
        queries.ERROR_BUDGET,
        unit="percentunit",
        decimals=0,
        named=True,
        thresholds=_BUDGET,
        links=[link("Alerts and burn rates", "exai-alerts")],
    )


def _operations() -> Json:
    return stat(
        "Operations",
        "Operations that succeeded or failed, a second; each is counted once, when it ends. Nothing: the gateway or "
        "its way to the exporter is cut. Twice the usual: compare with yesterday.",
        queries.OPERATIONS_NOW,
        unit="suffix:op/s",
        decimals=1,
        links=[link("Against yesterday and last week", "exai-compare"), _FLOW, link("ML API", "exai-ml-api")],
    )


def _error_ratio() -> Json:
    return stat(
        "Failed",
        "Share of the operations of the last minute that failed. Above 5 %: see which service fails, and with which "
        "error.",
        queries.ERROR_RATIO_NOW,
        unit="percentunit",
        decimals=1,
        thresholds=_FAILING,
        links=[_ERRORS],
    )


def _latency() -> Json:
    return stat(
        "Response p95",
        "Seconds within which 95 of 100 answers came, of all services: model calls are the slow ones. High: see the "
        "services one by one below, then where the time goes.",
        queries.LATENCY_NOW,
        unit="s",
        decimals=1,
        links=[_FLOW],
    )
