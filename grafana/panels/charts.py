"""Panels with a time axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from grafanalib import core

from grafana.panels import colours, fields
from grafana.panels.asking import Json, Query, Question
from grafana.panels.modern import modern

_GAP_MS = 60_000
"""Points further apart than this are not joined: silence is to be seen."""

_ONE_PERCENT = 0.01
"""An axis of shares reaches so far at least: with zeros alone it would reach to 10,000 %."""


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
    alerts: Sequence[Question] = (),
) -> Json:
    """Lines over time, or areas that add up when `stacked`; the legend is a table on the right.

    `logarithmic` shows milliseconds and minutes on one axis, where they stand side by side. `limits` are
    steps that are drawn as lines across; `alerts` are dashed lines where alerts begin, as
    `grafana.threshold_queries` asks for them. The axis ends at `high`, if given, and begins at 0, or at `near`,
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
        overrides=[*fields.painted(colors or {}), *overrides, *(fields.alerts() if alerts else ())],
        extraJson={
            "fieldConfig": {
                "defaults": {
                    "custom": {
                        "spanNulls": _GAP_MS,
                        "axisSoftMin": near,
                        "axisSoftMax": _ONE_PERCENT if unit == "percentunit" else None,
                    },
                    "min": None if logarithmic or near else 0,
                    "max": high,
                }
            },
            "options": {"legend": {"showLegend": True}},
        },
    )
    return modern(panel, [*queries, *alerts])


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


def status_history(
    title: str, description: str, queries: Sequence[Query], *, unit: str, by: Sequence[Json], unproven: str
) -> Json:
    """Return rows of cells, one a query, coloured by the threshold steps `by`.

    A cell that is NaN is grey and reads `unproven`. A cell that is missing has the colour of the lowest step, so every
    query needs a value at every step.
    """
    unknown = {"text": unproven, "color": colours.UNKNOWN, "index": 0}
    config = {
        "defaults": {
            "unit": unit,
            "decimals": 2,
            "color": {"mode": "thresholds"},
            "thresholds": {"mode": "absolute", "steps": list(by)},
            "mappings": [{"type": "special", "options": {"match": "nan", "result": unknown}}],
            "custom": {"fillOpacity": 85, "lineWidth": 0},
        }
    }
    options = {
        "rowHeight": 0.9,
        "colWidth": 1,
        "showValue": "never",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    # grafanalib has no such panel
    panel = core.Panel(title=title, description=description).panel_json(
        {"type": "status-history", "fieldConfig": config, "options": options}
    )
    return modern(panel, queries)


def bar_chart(
    title: str, description: str, queries: Sequence[Query], *, across: str, unit: str, colors: Mapping[str, str]
) -> Json:
    """Bars that add up, one for each value of the label `across`: a table query for each part, called by its legend."""
    values = {query.legend: f"Value #{letter}" for query, letter in zip(queries, ascii_uppercase, strict=False)}
    parts = [
        fields.override(field, displayName=name, color=fields.fixed(colors[name])) for name, field in values.items()
    ]
    config = {
        "defaults": {"unit": unit, "min": 0, "custom": {"fillOpacity": 85, "lineWidth": 0}},
        "overrides": [fields.override(across, unit="string"), *parts],
    }
    options = {
        "orientation": "auto",
        "xField": across,
        "stacking": "normal",
        "showValue": "never",
        "barWidth": 0.7,
        "groupWidth": 0.7,
        "legend": {"displayMode": "table", "placement": "right", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "none"},
    }
    shown = dict.fromkeys((across, *values.values()), True)
    transformations = [{"id": "merge", "options": {}}, {"id": "organize", "options": {"includeByName": shown}}]
    # core.BarChart has no place for the transformations that it needs
    panel = core.Panel(title=title, description=description).panel_json(
        {"type": "barchart", "fieldConfig": config, "options": options, "transformations": transformations}
    )
    return modern(panel, queries)
