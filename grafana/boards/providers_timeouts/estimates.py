"""The estimates: how near they come, how sure they are, and who gives the timeouts."""

from __future__ import annotations

from grafana import timeout_queries as queries
from grafana.panels import Json, Line, colours, fields, heatmap, line, section, timeseries, xychart

_SECONDS = "suffix:s"
"""Seconds that stay seconds, as callers set them."""


def lines() -> list[Line]:
    """A heading, how near the estimates come, what they are by model, and whose they are."""
    return [
        section("Estimates"),
        line(9, _predicted_and_actual(), _accuracy(), widths=(9, 15)),
        line(8, _timeout(), _confidence(), _given_and_taken()),
        line(8, _sources(), _wasted(), widths=(12, 12)),
    ]


def _predicted_and_actual() -> Json:
    return xychart(
        "Predicted against actual",
        "Each model twice, in this time range: across, the mean timeout that was learned for it; upwards, the median "
        "of its calls and the slowest in 100. Light points belong just below the line: above it calls are cut off, "
        "far below it calls that hang are waited for too long. Quantiles are read from buckets, so they are rough.",
        queries.PREDICTED,
        queries.ACTUAL,
        "cut off above",
        unit=_SECONDS,
        join="model",
        colors=colours.PREDICTIONS,
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
