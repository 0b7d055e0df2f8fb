"""The time in each layer, compared with the same hour of last week, in PromQL.

The shown range is no measure, because it contains the incident.
"""

from __future__ import annotations

from grafana.panels import Query

FASTER, SLOWER, FAR_SLOWER = 0.8, 1.25, 2.0
"""Multiples of last week's mean. Between the first two a layer is as usual."""

_FEWEST = 10
"""Requests in two minutes, or in last week's hour; a mean of fewer proves nothing."""

_FAILING = 0.05
"""From this share on, requests that end early hide how long the others take."""

_TOOL = 'tool=~"$tool"'
_ENDED_EARLY = f"sum(tool:exai_requests_ended_early:rate2m{{{_TOOL}}}) / sum(tool:exai_requests:rate2m{{{_TOOL}}})"


def against_last_week(layer: str) -> Query:
    """Return how many times last week's mean a layer takes.

    It is NaN where there is no mean, and where the layer only looks faster because requests fail.
    """
    where = f'{{layer="{layer}",{_TOOL}}}'
    ratio = f"({_mean(where, 'rate2m', 120)}) / ({_mean(where, 'last_week', 3600)})"
    unproven = f"({ratio} < {FASTER} and ({_ENDED_EARLY} > {_FAILING}))"
    return Query(f"NaN * {unproven} or {ratio} or NaN * absent({ratio})", layer, step="1m")


def _mean(where: str, recorded: str, seconds: int) -> str:
    sum_, count = (f"sum(layer_tool:exai_layer_duration_seconds_{part}:{recorded}{where})" for part in ("sum", "count"))
    return f"{sum_} / ({count} >= {_FEWEST} / {seconds})"


def without_last_week(message: str) -> Query:
    """Return a row that is called `message` if there is nothing to compare; a status history shows no other text."""
    counts = (f"layer_tool:exai_layer_duration_seconds_count:{recorded}" for recorded in ("last_week", "rate2m"))
    missing = " or ".join(f"absent({count}{{{_TOOL}}} @ end())" for count in counts)
    return Query(f"NaN * ({missing})", message, step="1m")
