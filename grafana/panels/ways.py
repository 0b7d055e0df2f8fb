"""Panels that show the way of requests: the graph of all, and the spans of one."""

from __future__ import annotations

from grafanalib import core

from grafana.panels import colours
from grafana.panels.asking import Json, Query, SqlQuery
from grafana.panels.modern import modern

RING_FAILED, RING_SLOW, RING_OK, RING_UNKNOWN = (f"arc__{part}" for part in ("failed", "slow", "ok", "unknown"))
"""The labels that Grafana draws as parts of a node's ring."""

_RING = {
    RING_FAILED: colours.BAD,
    RING_SLOW: colours.WARNING,
    RING_OK: colours.GOOD,
    RING_UNKNOWN: colours.UNKNOWN,
}


def node_graph(title: str, description: str, nodes: Query, edges: Query, *, unit: str) -> Json:
    """Return a graph of nodes, whose rings show the shares that failed, were slow, and are unknown, and of arrows.

    Grafana reads fields by their own names: `nodes` has the labels id, title, subtitle, mainstat and secondarystat,
    fixedx and fixedy (pixels), and the parts of the ring, which add up to 1; `edges` has id, source and target, and a
    value of this `unit`.
    """
    options = {
        "nodes": {"arcs": [{"field": field, "color": color} for field, color in _RING.items()]},
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
                _copied("edges", "mainstat"),
                {**_converted("number", "fixedx", "fixedy", *_RING), **_only("nodes")},
            ],
        }
    )
    asked = {"nodes": nodes, "edges": edges}
    emitted = modern(panel, list(asked.values()))
    return {**emitted, "targets": [query.target(ref_id) for ref_id, query in asked.items()]}


def _copied(ref_id: str, alias: str) -> Json:
    """The value of a query under the name that is read."""
    reduced = {"mode": "reduceRow", "reduce": {"reducer": "sum", "include": []}}
    options = {"alias": alias, "replaceFields": False, **reduced}
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
