"""Panels that show the way of requests: the graph of all, and the spans of one."""

from __future__ import annotations

from collections.abc import Mapping

from grafanalib import core

from grafana.panels import colours
from grafana.panels.asking import Json, Query, SqlQuery
from grafana.panels.modern import modern

_FAILED, _OK = "arc__failed", "arc__ok"


def node_graph(title: str, description: str, nodes: Query, edges: Query, *, unit: str) -> Json:
    """Nodes with the share that fails as an arc of their ring, and the arrows between them.

    Grafana reads fields by their own names: `nodes` has the labels id, title, subtitle, mainstat and secondarystat,
    fixedx and fixedy (pixels) and that share as its value; `edges` has id, source and target, and a value of this
    `unit`.
    """
    rings = [{"field": _FAILED, "color": colours.BAD}, {"field": _OK, "color": colours.GOOD}]
    options = {
        "nodes": {"arcs": rings},
        "edges": {"mainStatUnit": unit},
        "zoomMode": "cooperative",
    }
    # grafanalib has no such panel
    panel = core.Panel(title=title, description=description).panel_json(
        {
            "type": "nodeGraph",
            "fieldConfig": {"defaults": {"unit": unit}},
            "options": options,
            "transformations": [
                _copied("nodes", _FAILED),
                _rest_of(_FAILED, _OK),
                _copied("edges", "mainstat"),
                {**_converted("number", "fixedx", "fixedy"), **_only("nodes")},
            ],
        }
    )
    asked = {"nodes": nodes, "edges": edges}
    emitted = modern(panel, list(asked.values()))
    return {**emitted, "targets": [query.target(ref_id) for ref_id, query in asked.items()]}


def _copied(ref_id: str, alias: str) -> Json:
    """The value of a query under the name that is read."""
    return _calculated(ref_id, alias, {"mode": "reduceRow", "reduce": {"reducer": "sum", "include": []}})


def _rest_of(field: str, alias: str) -> Json:
    right = {"matcher": {"id": "byName", "options": field}}
    return _calculated("nodes", alias, {"mode": "binary", "binary": _minus({"fixed": "1"}, right)})


def _minus(left: Json, right: Json) -> Json:
    return {"left": left, "operator": "-", "right": right}


def _calculated(ref_id: str, alias: str, how: Mapping[str, object]) -> Json:
    options = {"alias": alias, "replaceFields": False, **how}
    return {"id": "calculateField", "options": options, **_only(ref_id)}


def _only(ref_id: str) -> Json:
    return {"filter": {"id": "byRefId", "options": ref_id}}


def _converted(kind: str, *fields: str) -> Json:
    conversions = [{"targetField": field, "destinationType": kind} for field in fields]
    return {"id": "convertFieldType", "options": {"fields": {}, "conversions": conversions}}


def traces(title: str, description: str, query: SqlQuery) -> Json:
    """The spans of one trace as a waterfall, which needs no time range.

    Rows are spans: traceID, spanID, parentSpanID, operationName, serviceName, startTime and duration (milliseconds),
    and `tags` and `serviceTags`, JSON arrays of {key, value}; a tag `error` that is true marks the span.
    """
    panel = core.Panel(title=title, description=description).panel_json(
        {
            "type": "traces",
            "fieldConfig": {"defaults": {"unit": "ms"}},
            "options": {},
            "transformations": [_converted("other", "tags", "serviceTags")],
        }
    )
    return modern(panel, [query])
