"""What every panel and target of grafanalib 0.7.1 needs, to be what Grafana 12.3.3 writes itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from grafanalib import core

Json = dict[str, Any]

PLUGIN_VERSION = "12.3.3"
"""Stands on every panel, so that Grafana does not migrate it from an older form."""

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}

_PANEL_KEYS = ("type", "title", "description", "fieldConfig", "options", "transformations")
_TARGET_KEYS = ("expr", "legendFormat", "refId", "instant", "format", "interval")


@dataclass(frozen=True, slots=True)
class Query:
    """One question to Prometheus, and what its answer is called in the legend.

    `instant` asks for the value now, which is never an old one; `table` is such a question for a table.
    `buckets` asks for a histogram's buckets over time.
    `step` is the shortest step ("15s"); `$__rate_interval` is four of them: a rare event needs a longer one.
    """

    expr: str
    legend: str = ""
    instant: bool = False
    table: bool = False
    buckets: bool = False
    exemplar: bool = False
    step: str = ""


def plain(emitted: object) -> Json:
    """What grafanalib emits, with the objects that it leaves inside turned into JSON too."""
    return dict(json.loads(json.dumps(emitted, default=lambda part: part.to_json_data())))


def modern(panel: object, queries: Sequence[Query] = ()) -> Json:
    """A panel of grafanalib without what Grafana no longer reads, asking `queries`."""
    emitted = plain(panel)
    kept = {key: emitted[key] for key in _PANEL_KEYS if emitted.get(key)}
    kept["fieldConfig"] = _field_config(kept["fieldConfig"])
    if queries:
        kept["targets"] = [_target(ascii_uppercase[place], query) for place, query in enumerate(queries)]
    return {**kept, "datasource": DATASOURCE, "pluginVersion": PLUGIN_VERSION}


def steps(base: str, *above: tuple[float, str]) -> list[Json]:
    """Threshold steps: the colour `base`, and from each value on another."""
    return [{"color": base, "value": None}, *({"color": color, "value": value} for value, color in above)]


def _target(ref_id: str, query: Query) -> Json:
    target = core.Target(
        expr=query.expr,
        legendFormat="{{le}}" if query.buckets else query.legend or "__auto",
        refId=ref_id,
        instant=query.instant or query.table,
        format=_format(query),
        interval=query.step,
    )
    emitted = plain(target)
    kept = {key: emitted[key] for key in _TARGET_KEYS if emitted[key] != ""}
    asked = {"range": not kept["instant"], "exemplar": query.exemplar, "editorMode": "code"}
    return {**kept, **asked, "datasource": DATASOURCE}


def _format(query: Query) -> str:
    if query.table:
        return "table"
    return "heatmap" if query.buckets else "time_series"


def _field_config(emitted: Json) -> Json:
    defaults = _present(emitted["defaults"])
    if not defaults.get("thresholds", {}).get("steps"):
        defaults.pop("thresholds", None)  # an empty list paints a panel grey
    if "custom" in defaults:
        defaults["custom"] = _present(defaults["custom"])
    return {"defaults": defaults, "overrides": emitted.get("overrides", [])}


def _present(values: Json) -> Json:
    return {key: value for key, value in values.items() if value not in (None, "", {}, [])}
