"""What the boards of errors and of the request flow take from elsewhere is as it is there."""

from __future__ import annotations

import re
from typing import get_args, get_type_hints

import pytest

from exporter.conventions import FAMILIES, LATENCY_BUCKETS
from exporter.events import Span
from grafana import error_queries, flow_queries, graph_queries
from grafana.panels import Query, SqlQuery, bar_chart, colours, layout, line, logs, node_graph, stat, textbox, traces
from tests.grafana.defects import defects
from tests.grafana.shipped import GRAFANA, targets

RULES = GRAFANA.parent / "prometheus/rules"
TABLE = Query("a", table=True)
_EDGES = ("fixedx", "fixedy")


def test_the_layers_are_those_of_a_span_in_the_order_in_which_a_request_passes_them() -> None:
    assert get_args(get_type_hints(Span)["layer"]) == flow_queries.LAYERS
    assert tuple(colours.LAYERS) == flow_queries.LAYERS


def test_a_request_comes_from_somewhere_to_every_layer_but_the_first_and_to_all_behind_them() -> None:
    first, *others = flow_queries.LAYERS
    sources = {target for target in others if f'"{target}"' in graph_queries.EDGES.expr}
    assert sources == set(others)
    assert f'"target", "{first}"' not in graph_queries.EDGES.expr


def test_every_layer_and_what_lies_behind_them_has_a_place_of_its_own() -> None:
    found = dict.fromkeys((*flow_queries.LAYERS, "redis", "kimi", "glm"), "")
    for node in found:
        edges = [re.search(rf'"{label}", "(-?\d+)", "id", "{node}"', graph_queries.NODES.expr) for label in _EDGES]
        found[node] = ",".join(edge.group(1) for edge in edges if edge)
    assert all(re.fullmatch(r"-?\d+,-?\d+", place) for place in found.values())
    assert len(set(found.values())) == len(found)


def test_the_rules_know_every_bound_of_the_buckets_of_time() -> None:
    bounds = re.findall(r'label_replace\(vector\((.+?)\), "le", "(.+?)", "", ""\)', (RULES / "layers.yml").read_text())
    assert bounds == [(str(bound), str(bound)) for bound in LATENCY_BUCKETS] + [("+Inf", "+Inf")]


def test_a_refusal_with_429_is_what_the_alert_takes_for_one() -> None:
    assert f'error_type=~"{error_queries.RATE_LIMIT}"' in (RULES / "errors.yml").read_text()


@pytest.mark.parametrize("family", [family.name for family in FAMILIES.values() if family.exemplars])
def test_exemplars_are_shown_of_every_histogram_that_has_some(family: str) -> None:
    assert [target for target in targets() if f"{family}_bucket" in target.json["expr"] and target.json["exemplar"]]


def test_exemplars_are_asked_for_only_where_there_are_some() -> None:
    have = "|".join(family.name for family in FAMILIES.values() if family.exemplars)
    asking = [target for target in targets() if target.json["exemplar"]]
    assert [str(target) for target in asking if not re.search(rf"({have})_bucket", target.json["expr"])] == []


def test_a_node_graph_calls_its_queries_as_it_reads_them() -> None:
    panel = node_graph("t", "d", TABLE, TABLE, unit="suffix:/s")
    assert [target["refId"] for target in panel["targets"]] == ["nodes", "edges"]
    assert defects(panel) == []


def test_a_trace_is_drawn_from_rows_whose_tags_are_objects() -> None:
    assert defects(traces("t", "d", SqlQuery("select 1"))) == []


def test_a_bar_chart_names_and_colours_its_parts_by_the_legends_of_its_queries() -> None:
    parts = [Query("a", "slow", table=True), Query("b", "quick", table=True)]
    panel = bar_chart("t", "d", parts, across="call", unit="s", colors={"slow": "red", "quick": "blue"})
    overrides = {each["matcher"]["options"]: each["properties"] for each in panel["fieldConfig"]["overrides"]}
    assert {"id": "displayName", "value": "slow"} in overrides["Value #A"]
    assert {"id": "color", "value": {"mode": "fixed", "fixedColor": "blue"}} in overrides["Value #B"]
    assert defects(panel) == []


def test_a_long_text_keeps_its_lines() -> None:
    assert logs("t", "d", SqlQuery("select 1"))["options"]["wrapLogMessage"] is True


def test_a_text_box_is_empty_at_first() -> None:
    assert textbox("trace_id", "Trace")["current"]["value"] == ""


def test_panels_may_share_a_place_one_above_the_other() -> None:
    left, above, below = (stat(title, "d", [Query("a")], unit="s") for title in "abc")
    places = [panel["gridPos"] for panel in layout(line(8, left, (above, below)), line(2, left))]
    assert [(place["x"], place["y"], place["h"]) for place in places] == [(0, 0, 8), (12, 0, 4), (12, 4, 4), (0, 8, 2)]


def test_a_place_that_cannot_be_shared_evenly_is_refused() -> None:
    panel = stat("t", "d", [Query("a")], unit="s")
    with pytest.raises(ValueError, match="do not fill"):
        line(7, panel, (panel, panel))
