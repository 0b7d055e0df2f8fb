"""Panels that set one quantity against another."""

from __future__ import annotations

from collections.abc import Sequence

from grafanalib import core

from grafana.panels import colours, fields
from grafana.panels.asking import Json, Query, Question
from grafana.panels.modern import modern

_SCHEME = "Viridis"
"""Told apart by brightness alone, so by the colour-blind too."""


def heatmap(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    unit: str,
    axis_unit: str,
) -> Json:
    """A histogram's buckets over time, the fuller the brighter; `unit` is of what a cell shows."""
    options = {
        "calculate": False,
        "color": {"mode": "scheme", "scheme": _SCHEME, "steps": 64, "reverse": False, "exponent": 0.5},
        "yAxis": {"unit": axis_unit, "axisPlacement": "left", "reverse": False},
        "cellValues": {"unit": unit},
        "cellGap": 1,
        "filterValues": {"le": 1e-9},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "legend": {"show": True},
        "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": True},
    }
    # core.Heatmap writes an older shape
    panel = core.Panel(title=title, description=description).panel_json(
        {"type": core.HEATMAP_TYPE, "fieldConfig": {"defaults": {"unit": unit, "decimals": 2}}, "options": options}
    )
    return modern(panel, queries)


def xychart(
    title: str,
    description: str,
    points: Question,
    edge: Question,
    *,
    across: str,
    upwards: str,
    by: str,
    line: str,
    unit: str,
    overrides: Sequence[Json],
) -> Json:
    """Points of a table, the field `across` against `upwards`, on logarithmic axes; a series for each value of `by`.

    `edge` has the ends of a line: `across` against the field `line`, whose name is in the legend.
    """
    config = {
        "defaults": {"unit": unit, "custom": _POINT},
        "overrides": [
            *overrides,
            fields.override(across, displayName=across, custom__axisLabel=across),
            fields.override(upwards, displayName=f"${{__field.labels.{by}}}"),
            fields.override(line, color=fields.fixed(colours.WARNING), **_LINE),
        ],
    }
    options = {
        # With "manual", a series is of one frame, and there is a frame for each value.
        "mapping": "auto",
        "series": [_against(across, upwards), _against(across, line)],
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    split = {"id": "partitionByValues", "options": {"fields": [by], "keepFields": False, "naming": {"asLabels": True}}}
    panel = core.Panel(title=title, description=description).panel_json(
        {
            "type": "xychart",
            "fieldConfig": config,
            "options": options,
            "transformations": [{**split, "filter": {"id": "byRefId", "options": "A"}}],
        }
    )
    return modern(panel, [points, edge])


_POINT: Json = {
    "show": "points",
    "pointShape": "circle",
    "pointSize": {"fixed": 5},
    "fillOpacity": 70,
    "scaleDistribution": {"type": "log", "log": 10},
}
_LINE: Json = {"custom__show": "lines", "custom__lineWidth": 2}


def _against(x: str, y: str) -> Json:
    return {axis: {"matcher": {"id": "byName", "options": name}} for axis, name in {"x": x, "y": y}.items()}
