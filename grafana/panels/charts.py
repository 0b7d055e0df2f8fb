"""Panels with a time axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafanalib import core

from grafana.panels import colours
from grafana.panels.asking import Json, Question
from grafana.panels.modern import modern

_GAP_MS = 60_000
"""Points further apart than this are not joined: silence is to be seen."""


def timeseries(
    title: str,
    description: str,
    queries: Sequence[Question],
    *,
    unit: str,
    colors: Mapping[str, str] | None = None,
    stacked: bool = False,
    logarithmic: bool = False,
    limits: Sequence[Json] = (),
    near: float | None = None,
    high: float | None = None,
    overrides: Sequence[Json] = (),
) -> Json:
    """Lines over time, or areas that add up when `stacked`; the legend is a table on the right.

    `logarithmic` shows milliseconds and minutes on one axis, where they stand side by side. `limits` are
    steps that are drawn as lines across. The axis ends at `high`, if given, and begins at 0, or at `near`,
    if given, as long as no value is lower.
    """
    panel = core.TimeSeries(
        title=title,
        description=description,
        unit=unit,
        maxDataPoints=None,
        fillOpacity=55 if stacked else 0,
        lineWidth=1 if stacked else 2,
        showPoints="never",
        stacking={"mode": "normal" if stacked else "none", "group": "A"},
        tooltipMode="multi",
        tooltipSort="desc",
        legendDisplayMode="table",
        legendPlacement="right",
        legendCalcs=["lastNotNull"],
        scaleDistributionType="log" if logarithmic else "linear",
        scaleDistributionLog=10,
        thresholds=list(limits),
        thresholdsStyleMode="dashed" if limits else "off",
        overrides=[*colours.painted(colors or {}), *overrides],
        extraJson={
            "fieldConfig": {
                "defaults": {
                    "custom": {"spanNulls": _GAP_MS, "axisSoftMin": near},
                    "min": None if logarithmic or near else 0,
                    "max": high,
                }
            },
            "options": {"legend": {"showLegend": True}},
        },
    )
    return modern(panel, queries)


def state_timeline(title: str, description: str, queries: Sequence[Question], mappings: Sequence[Json]) -> Json:
    """A bar a subject, coloured by its state; `mappings` name the states and their colours."""
    panel = core.StateTimeline(
        title=title,
        description=description,
        maxDataPoints=None,
        colorMode="palette-classic",  # with thresholds the mappings would read "< 80"
        fillOpacity=85,
        rowHeight=0.8,
        showValue="never",
        mappings=list(mappings),
        tooltipMode="multi",
        legendPlacement="bottom",
        extraJson={
            "fieldConfig": {"defaults": {"unit": "none", "custom": {"spanNulls": False}}},
            "options": {"legend": {"showLegend": True}},
        },
    )
    return modern(panel, queries)
