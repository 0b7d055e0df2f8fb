"""The estimates: how near they come, how sure they are, and who gives the timeouts."""

from __future__ import annotations

from grafana import timeout_queries as queries
from grafana.panels import Json, Line, colours, fields, heatmap, line, section, steps, table, timeseries

_SECONDS = "suffix:s"
"""Seconds that stay seconds, as callers set them."""
_SHARES = ("p50", "p95", "p99")
_SPENT = fields.text(steps(colours.GOOD, (1, colours.BAD)))
"""The colour of a share of the timeout: a call that takes more is cut off."""


def lines() -> list[Line]:
    """A heading, how near the estimates come, what they are by model, and whose they are."""
    return [
        section("Estimates"),
        line(9, _predicted_and_actual(), _accuracy(), widths=(9, 15)),
        line(8, _timeout(), _confidence(), _given_and_taken()),
        line(8, _sources(), _wasted(), widths=(12, 12)),
    ]


def _predicted_and_actual() -> Json:
    return table(
        "Predicted against actual",
        "Share of its timeout that a call of this time range takes: 50, 95 and 99 in 100 calls take no more. Above "
        "100 % calls are cut off, or would be. With p99 far below, a call that hangs is waited for too long. Single "
        "calls are on the board Model calls, which needs PostgreSQL (docs/postgres.md).",
        queries.PREDICTED_AND_ACTUAL,
        columns={
            "model": "Model",
            "Value #A": "Calls",
            "Value #B": "p50",
            "Value #C": "p95",
            "Value #D": "p99",
        },
        overrides=[
            fields.override("Calls", unit="locale", decimals=0, custom__width=80),
            *(fields.override(name, decimals=0, unit="percentunit", custom__width=70, **_SPENT) for name in _SHARES),
        ],
        sort_by="p99",
    )


def _accuracy() -> Json:
    return heatmap(
        "Accuracy ratio",
        "Duration over timeout of each call; 100 % is the edge, and what is above was cut off. Bright just above the "
        "edge: timeouts a little too short. All of it near the bottom: timeouts far too long, or static.",
        queries.ACCURACY,
        unit="suffix:calls/s",
        axis_unit="percentunit",
    )


def _timeout() -> Json:
    return timeseries(
        "Timeout by model",
        "Mean timeout that was learned, for callers who asked and for those who did not (shadow). Rising: the model "
        "became slow, or prompts long. A jump down: see that coverage holds.",
        queries.TIMEOUT,
        unit=_SECONDS,
        overrides=fields.models(),
    )


def _confidence() -> Json:
    return timeseries(
        "Confidence by model",
        "How far the newest estimates can be trusted, of the request type with the least. Below the dashed line the "
        "provider is asked to count a prompt's tokens; for long: see the runbook of the alert.",
        queries.CONFIDENCE,
        unit="percentunit",
        high=1,
        overrides=fields.models(),
        alerts=queries.CONFIDENCE_ALERT,
    )


def _given_and_taken() -> Json:
    return timeseries(
        "Time given and taken",
        "Seconds that calls are given and that they take. Taken p99 reaches given p50: calls are cut off; choose one "
        "model to see which. Given far above taken: static timeouts, or an override that was forgotten.",
        queries.GIVEN_AND_TAKEN,
        unit=_SECONDS,
        colors=colours.GIVEN_AND_TAKEN,
        logarithmic=True,
    )


def _sources() -> Json:
    return timeseries(
        "Who gave the timeouts",
        "Share of the calls by where their timeout came from. Shadow: the caller asked for none. Static or fallback "
        "rising: a new model, or the provider's token counter is away. Emergency: an operator's override holds.",
        queries.SOURCE_SHARES,
        unit="percentunit",
        colors=colours.TIMEOUT_SOURCES,
        stacked=True,
        high=1,
    )


def _wasted() -> Json:
    return timeseries(
        "Wasted waiting by model",
        "Seconds that a call which hangs is waited for beyond what calls of its model take: mean timeout less mean "
        "duration. One model high: its callers have static timeouts, or its durations lie far apart.",
        queries.WASTED_BY_MODEL,
        unit=_SECONDS,
        overrides=fields.models(),
    )
