"""What is wrong with a panel of a kind that only some boards draw, as Grafana 12.3.3 was measured to see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.grafana.shipped import Json


def defects(panel: Json) -> list[str]:
    """The defects of a panel, each in a few words; none for a kind without rules of its own."""
    return list(_RULES.get(panel["type"], _none)(panel))


def _none(_: Json) -> Iterator[str]:
    yield from ()


def _heatmap(panel: Json) -> Iterator[str]:
    options = panel.get("options", {})
    if options.get("calculate") is not False:
        yield "calculates its buckets anew"
    if "mode" not in options.get("color", {}):
        yield "has no colour mode"
    if "unit" not in options.get("yAxis", {}):
        yield "has no unit on its axis"
    for target in panel["targets"]:
        if (target["format"], target["legendFormat"]) != ("heatmap", "{{le}}"):
            yield "does not ask for buckets"


def _status_history(panel: Json) -> Iterator[str]:
    if not {"fillOpacity", "lineWidth"} <= panel["fieldConfig"]["defaults"].get("custom", {}).keys():
        yield "has no fill"
    if not panel.get("options"):
        yield "has no options"


def _xychart(panel: Json) -> Iterator[str]:
    options = panel.get("options", {})
    if not options.get("series") or not all({"x", "y"} <= series.keys() for series in options["series"]):
        yield "does not say what is x and what is y"
    if options.get("mapping") != "auto":
        yield "draws one frame of each series"
    if not all(target["format"] == "table" for target in panel["targets"]):
        yield "does not ask for tables"
    if "partitionByValues" not in {step["id"] for step in panel.get("transformations", [])}:
        yield "does not make a frame for each series"


def _node_graph(panel: Json) -> Iterator[str]:
    if {target["refId"] for target in panel["targets"]} != {"nodes", "edges"}:
        yield "does not call its queries nodes and edges"
    if not all(target["instant"] and target["format"] == "table" for target in panel["targets"]):
        yield "does not ask for tables of now"
    if "organize" in {step["id"] for step in panel.get("transformations", [])}:
        yield "renames fields, which it then does not read"
    if not panel.get("options", {}).get("nodes", {}).get("arcs"):
        yield "does not say which fields are arcs, without which there are none"


def _bar_chart(panel: Json) -> Iterator[str]:
    across = panel.get("options", {}).get("xField")
    units = {
        override["matcher"]["options"]: each["value"]
        for override in panel.get("fieldConfig", {}).get("overrides", [])
        for each in override["properties"]
        if each["id"] == "unit"
    }
    if units.get(across) != "string":
        yield "writes the unit of its bars behind their names"


def _traces(panel: Json) -> Iterator[str]:
    steps = {step["id"]: step["options"] for step in panel.get("transformations", [])}
    conversions = steps.get("convertFieldType", {}).get("conversions", [])
    if {each["targetField"] for each in conversions if each["destinationType"] == "other"} != {"tags", "serviceTags"}:
        yield "reads tags as text, which break it"


def _histogram(panel: Json) -> Iterator[str]:
    if panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps") == []:
        yield "is painted grey by an empty list of thresholds"


_RULES: dict[str, Callable[[Json], Iterator[str]]] = {
    "heatmap": _heatmap,
    "status-history": _status_history,
    "xychart": _xychart,
    "nodeGraph": _node_graph,
    "barchart": _bar_chart,
    "traces": _traces,
    "histogram": _histogram,
}
