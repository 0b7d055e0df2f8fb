"""How the service does now."""

from __future__ import annotations

from grafanalib import core

from grafana import ml_queries as queries
from grafana.panels import Json, Line, colours, fields, filled_by, gauge, line, stat, steps
from grafana.panels.filling import CACHE, PREDICTIONS, READINGS

_CACHE = core.DataLink(title="The cache's own board", linkUrl="/d/exai-semantic-cache?${__url_time_range}")


def lines() -> list[Line]:
    """Five cards, and the cache."""
    return [
        line(
            5,
            _requests(),
            _errors(),
            _p95(),
            filled_by(PREDICTIONS, _error()),
            filled_by(READINGS, _uptime()),
            filled_by(CACHE, _cache()),
        )
    ]


def _requests() -> Json:
    return stat(
        "Requests",
        "Requests a second. Nothing while its callers work: it is down, or its middleware sends no events.",
        queries.REQUESTS_NOW,
        unit="suffix:req/s",
        decimals=1,
    )


def _errors() -> Json:
    return stat(
        "Answered with 5xx",
        "Share of the requests of the last minute. Above 5 % an alert fires; the routes below say which fail.",
        queries.ERROR_RATIO_NOW,
        unit="percentunit",
        decimals=2,
        thresholds=steps(colours.GOOD, (0.01, colours.WARNING), (0.05, colours.BAD)),
    )


def _p95() -> Json:
    return stat(
        "Response p95",
        "Seconds within which 95 of 100 requests are answered. Above half a second: see which route is slow, and "
        "whether CPU is short.",
        queries.P95_NOW,
        unit="s",
        decimals=0,
        thresholds=steps(colours.GOOD, (0.4, colours.WARNING), (0.5, colours.BAD)),
    )


def _error() -> Json:
    return stat(
        "Mean absolute error",
        "Of the last minute's predictions, in each model's own unit. What is good depends on the model: compare it "
        "with its baseline below.",
        queries.MAE_NOW,
        unit="none",
        decimals=2,
        named=True,
        overrides=fields.by_pattern(colours.PREDICTORS),
    )


def _uptime() -> Json:
    return stat(
        "Uptime",
        "How long the service has run. Short though nobody deployed: it crashed; read its log and its memory below.",
        queries.UPTIME_NOW,
        unit="s",
        decimals=1,
        named=True,
        overrides=fields.painted(colours.PROCESSES),
    )


def _cache() -> Json:
    return gauge(
        "Cache hit ratio",
        "Share of the look-ups of five minutes that were hits, by implementation. Below half the cache hardly helps: "
        "see its own board.",
        queries.CACHE_NOW,
        unit="percentunit",
        thresholds=steps(colours.BAD, (0.3, colours.WARNING), (0.5, colours.GOOD)),
        links=[_CACHE],
    )
