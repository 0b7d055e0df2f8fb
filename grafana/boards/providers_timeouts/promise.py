"""The promise: how many calls end within their timeout, and what the others cost."""

from __future__ import annotations

from grafana import timeout_queries as queries
from grafana.panels import Json, Line, colours, fields, line, stat, steps, timeseries

TARGET = 0.99
HELD = steps(colours.BAD, (0.98, colours.WARNING), (TARGET, colours.GOOD))
SURE = steps(colours.BAD, (0.5, colours.WARNING), (0.8, colours.GOOD))
"""Steps of coverage, and of confidence."""


def lines() -> list[Line]:
    """Six cards of now, then coverage and cut-offs over time."""
    return [
        line(4, _lowest_coverage(), _cut_off(), _confidence(), _given_and_taken(), _wasted(), _callers()),
        line(8, _coverage(), _cut_off_by_model(), widths=(14, 10)),
    ]


def _lowest_coverage() -> Json:
    return stat(
        "Lowest coverage",
        "Share of the calls that ended within their timeout, of the model with the lowest. Below 99 %: look below "
        "which model it is. A model counts from 20 calls in the window on.",
        queries.LOWEST_COVERAGE,
        unit="percentunit",
        decimals=2,
        named=True,
        thresholds=HELD,
    )


def _cut_off() -> Json:
    return stat(
        "Cut off",
        "Calls of the time range that outlasted their timeout. More than 1 %: their callers got nothing for "
        "their wait; find the model and who gave its timeouts.",
        queries.CUT_OFF,
        unit="percentunit",
        named=True,
        thresholds=steps(colours.GOOD, (0.01, colours.WARNING), (0.02, colours.BAD)),
        overrides=[
            fields.override("calls", unit="none", decimals=0, color=fields.fixed(colours.NEUTRAL)),
            fields.override("of all", decimals=2),
        ],
    )


def _confidence() -> Json:
    return stat(
        "Confidence",
        "The least that an estimate can be trusted, and the fewest calls that one is learned from. Below 50 %: a "
        "new model or type of requests, or durations far apart; prompts are then counted by the provider.",
        queries.LOWEST_CONFIDENCE,
        unit="percentunit",
        named=True,
        decimals=0,
        thresholds=SURE,
        overrides=[fields.override("fewest calls", unit="short", color=fields.fixed(colours.NEUTRAL))],
    )


def _given_and_taken() -> Json:
    return stat(
        "Time for a call",
        "Seconds that a call is given on average, and that it takes. Far apart: most callers have static timeouts; "
        "let them ask for one.",
        queries.GIVEN_AND_TAKEN_NOW,
        unit="suffix:s",
        named=True,
        decimals=1,
    )


def _wasted() -> Json:
    return stat(
        "Wasted waiting",
        "What a call that hangs is waited for beyond the time that calls take, and the seconds spent, each second, "
        "on calls that were then cut off. High: the timeouts are too long, or too short for what is asked.",
        queries.WASTED_NOW,
        unit="suffix:s",
        named=True,
        decimals=1,
        overrides=[fields.override("in vain", unit="suffix:s/s")],
    )


def _callers() -> Json:
    return stat(
        "Callers",
        "Share of the calls whose timeout is learned, and share whose callers asked for none: those are only scored "
        "against what we would have given. Much shadow: let those callers use the estimates.",
        queries.CALLERS,
        unit="percentunit",
        named=True,
        decimals=0,
        overrides=[fields.override("shadow", color=fields.fixed(colours.TIMEOUT_SOURCES["shadow"]))],
    )


def _coverage() -> Json:
    return timeseries(
        "Coverage against target",
        "Share of the calls of the last hour that ended within their timeout; the dashed line is the target. Below "
        "it for long: the model has become slower than its timeouts; see who gave them, and the runbook of the alert.",
        queries.COVERAGE,
        unit="percentunit",
        limits=steps(colours.CLEAR, (TARGET, colours.WARNING)),
        near=0.95,
        high=1,
        overrides=fields.models(),
    )


def _cut_off_by_model() -> Json:
    return timeseries(
        "Premature cut-offs",
        "Calls that outlasted their timeout, a minute, by model. One model: it became slow, or its timeout is too "
        "short. All of a provider: look at its status page. With source shadow nobody is cut off yet.",
        queries.CUT_OFF_BY_MODEL,
        unit="suffix:/min",
        overrides=fields.models(),
        stacked=True,
    )
