"""What the past of a demo is made of: measured of the shipped rules, and complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from random import Random

import promql_parser
import pytest

from exporter.demo.levels import levels
from exporter.demo.past import episodes
from exporter.demo.past_series import Past
from prometheus.levels import drifted
from tests import promql
from tests.grafana.shipped import targets

NOT_IN_THE_PAST = {
    "model:exai_timeout_exceeded:deviations1h": "no calls of the past are cut off: the demo's own hours have to tell",
    "model:exai_timeout_exceeded:deviations1d": "no calls of the past are cut off: the demo's own days have to tell",
}

HOUR = timedelta(hours=1)


def looked_back_at(expression: str) -> Iterator[str]:
    """The names that an expression selects of an hour ago or longer: in a range, or with an offset."""
    found: list[str] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.MatrixSelector) and node.range >= HOUR:
            found.append(node.vector_selector.name or "")
        elif isinstance(node, promql_parser.VectorSelector) and node.offset and node.offset >= HOUR:
            found.append(node.name or "")
        elif isinstance(node, promql_parser.SubqueryExpr) and node.range >= HOUR:
            found.extend(promql.series_names(node.expr.prettify()))

    promql_parser.walk(promql_parser.parse(expression), visit)
    return iter(found)


def test_the_past_has_every_recorded_series_that_a_rule_or_a_board_looks_back_at() -> None:
    asked = [rule["expr"] for rule in promql.rules()] + [target.expression() for target in targets()]
    wanted = {name for expression in asked for name in looked_back_at(expression)} & promql.recorded_names()
    there = {name for name, _, _ in Past(0, 0, 20, Random(1)).series()}
    assert {"subject:exai_band:kept", "connection_type:exai_slo_bad:increase5m"} < wanted
    assert wanted - there == NOT_IN_THE_PAST.keys()


def test_what_is_recorded_of_a_simulation_is_what_is_written_down() -> None:
    assert drifted() == []


def test_each_incident_of_the_past_has_alerts_with_all_their_texts() -> None:
    assert levels().alerts.keys() == {episode.incident for episode in episodes(0)}
    for alert in (one for alerts in levels().alerts.values() for one in alerts):
        assert {"alertname", "severity", "category", "service", "provider", "model"} <= alert.labels.keys()
        assert {"summary", "description", "recommendation", "dashboard", "runbook"} <= alert.annotations.keys()


@pytest.mark.parametrize(
    ("name", "labels", "follows"),
    [
        ("connection_type:exai_connection_events:rate5m", {}, True),
        ("connection_type:exai_slo_bad:increase5m", {}, True),
        ("connection_type:exai_connection_operations:error_ratio_rate5m", {}, False),
        ("connection_type:exai_connection_operations:error_rate5m", {}, True),
        ("connection_type:exai_connection_response_seconds:p95_rate2m", {}, False),
        ("subject:exai_band:input", {"band": "tokens"}, True),
        ("subject:exai_band:input", {"band": "hit_ratio"}, False),
    ],
)
def test_rates_follow_the_traffic_and_ratios_do_not(name: str, labels: dict[str, str], follows: bool) -> None:
    found = [one for one in levels().series if one.name == name and labels.items() <= one.labels.items()]
    assert {one.follows_traffic for one in found} == {follows}


def test_no_series_is_there_twice() -> None:
    known = [(one.name, *sorted(one.labels.items())) for one in levels().series]
    assert len(known) == len(set(known))
    assert all(re.fullmatch(r"[a-z_0-9]+:[a-z_0-9]+:[a-z_0-9]+", name) for name, *_ in known)
