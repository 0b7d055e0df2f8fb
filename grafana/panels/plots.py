"""Panels that set one quantity against another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from grafanalib import core

from grafana.panels import fields
from grafana.panels.asking import Json, Query
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
    axis_width: int | None = None,
) -> Json:
    """A histogram's buckets over time, or a row a series, the fuller the brighter; `unit` is of what a cell shows.

    The names of rows need an axis of some width in pixels, or they are cut off.
    """
    options = {
        "calculate": False,
        "color": {"mode": "scheme", "scheme": _SCHEME, "steps": 64, "reverse": False, "exponent": 0.5},
        "yAxis": {"unit": axis_unit, "axisPlacement": "left", "reverse": False, "axisWidth": axis_width},
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
    x: Query,
    points: Mapping[str, Query],
    edge: str,
    *,
    unit: str,
    join: str,
    colors: Mapping[str, str],
) -> Json:
    """Points of tables that share the label `join`: `x` against each of `points`, and the line on which they are equal.

    `edge` is what the line is called; `colors` holds its colour and that of the points, by name. The legend of `x`
    is written along its axis.
    """
    # A field cannot be x and y at once, and brings its own style: so the line asks for x once more.
    named = {edge: x, **points}
    across, *upwards = (f"Value #{letter}" for letter in ascii_uppercase[: len(named) + 1])
    by_name = dict(zip(named, upwards, strict=True))
    styles = (_style(field, name, colors[name], line=name == edge) for name, field in by_name.items())
    config = {
        "defaults": {"unit": unit, "min": 0, "custom": _POINT},
        "overrides": [fields.override(across, displayName=x.legend), *styles],
    }
    options = {
        "mapping": "manual",
        "series": [_against(across, field, name) for name, field in by_name.items()],
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    joined = [{"id": "joinByField", "options": {"byField": join, "mode": "outer"}}]
    panel = core.Panel(title=title, description=description).panel_json(
        {"type": "xychart", "fieldConfig": config, "options": options, "transformations": joined}
    )
    return modern(panel, [x, *named.values()])


_POINT: Json = {"show": "points", "pointShape": "circle", "pointSize": {"fixed": 12}, "fillOpacity": 70}


_LINE: Json = {"custom__show": "points+lines", "custom__lineWidth": 2, "custom__pointSize": {"fixed": 6}}
"""With points, since one model alone makes no line."""


def _style(field: str, name: str, color: str, *, line: bool) -> Json:
    drawn = _LINE if line else {}
    return fields.override(field, displayName=name, color=fields.fixed(color), **drawn)


def _against(x: str, y: str, name: str) -> Json:
    return {
        "name": {"fixed": name},
        "frame": {"matcher": {"id": "byIndex", "options": 0}},
        "x": {"matcher": {"id": "byName", "options": x}},
        "y": {"matcher": {"id": "byName", "options": y}},
    }
