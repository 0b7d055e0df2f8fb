"""Panels that show what is so now."""

from __future__ import annotations

from collections.abc import Sequence

from grafanalib import core

from grafana.panels import colours, fields
from grafana.panels.asking import Json, Question
from grafana.panels.modern import modern

_LATEST: Json = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_BY_THRESHOLDS: Json = {"mode": "thresholds"}


def stat(
    title: str,
    description: str,
    queries: Sequence[Question],
    *,
    unit: str,
    thresholds: Sequence[Json] = (),
    mappings: Sequence[Json] = (),
    overrides: Sequence[Json] = (),
    decimals: int | None = None,
    named: bool = False,
    filled: bool = False,
    links: Sequence[core.DataLink] = (),
) -> Json:
    """Values in large type, one line each; `named` writes the series' names, `filled` colours the ground."""
    panel = core.Stat(
        title=title,
        description=description,
        format=unit,
        reduceCalc="lastNotNull",
        noValue=None,
        color=_BY_THRESHOLDS if thresholds else fields.fixed(colours.CLEAR if filled else colours.NEUTRAL),
        thresholds=list(thresholds),
        mappings=list(mappings),
        overrides=list(overrides),
        decimals=decimals,
        colorMode="background_solid" if filled else "value",
        graphMode="none",
        orientation="horizontal",
        textMode="value_and_name" if named else "value",
        extraJson={
            "fieldConfig": {"defaults": {"links": [link.to_json_data() for link in links]}},
            "options": {
                "wideLayout": True,
                "showPercentChange": False,
                "text": {"titleSize": 15, "valueSize": 22 if named else 38},
            },
        },
    )
    return modern(panel, queries)


def gauge(
    title: str,
    description: str,
    queries: Sequence[Question],
    *,
    unit: str,
    thresholds: Sequence[Json],
    links: Sequence[core.DataLink] = (),
) -> Json:
    """An arc a series, from 0 to 1, with its name below it."""
    defaults = {
        "unit": unit,
        "min": 0,
        "max": 1,
        "decimals": 1,
        "color": _BY_THRESHOLDS,
        "thresholds": {"mode": "absolute", "steps": list(thresholds)},
        "links": [link.to_json_data() for link in links],
    }
    options = {
        "reduceOptions": _LATEST,
        "orientation": "auto",
        "showThresholdLabels": False,
        "showThresholdMarkers": True,
        "sizing": "auto",
    }
    # core.GaugePanel leaves its calculation where Grafana no longer reads it
    panel = core.Panel(title=title, description=description).panel_json(
        {"type": core.GAUGE_TYPE, "fieldConfig": {"defaults": defaults}, "options": options}
    )
    return modern(panel, queries)


def bar_gauge(
    title: str,
    description: str,
    queries: Sequence[Question],
    *,
    unit: str,
    thresholds: Sequence[Json],
    maximum: float | None = None,
    decimals: int | None = None,
) -> Json:
    """A horizontal bar a series, with its name above it."""
    defaults = {
        "unit": unit,
        "min": 0,
        "max": maximum,
        "decimals": decimals,
        "color": _BY_THRESHOLDS,
        "thresholds": {"mode": "absolute", "steps": list(thresholds)},
    }
    options = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "reduceOptions": _LATEST,
        "namePlacement": "top",
        "text": {"titleSize": 13, "valueSize": 15},
        "valueMode": "color",
        "showUnfilled": True,
        "sizing": "auto",
    }
    # core.BarGauge writes the options of an older panel, which lose the unit
    panel = core.Panel(title=title, description=description).panel_json(
        {"type": core.BARGAUGE_TYPE, "fieldConfig": {"defaults": defaults}, "options": options}
    )
    return modern(panel, queries)
