"""The dashed lines on the boards are where alerts begin."""

from __future__ import annotations

import re
from pathlib import Path

import promql_parser as promql
import pytest

from exporter.thresholds.shipped import Threshold, read
from grafana.panels import Query, timeseries
from grafana.threshold_queries import alert
from tests.blocks import prometheus_of
from tests.grafana.shipped import Target, targets
from tests.servers import ROOT

SHIPPED = read(ROOT / "config/thresholds.yml")
NOW = 1_780_000_000
RESOLVED = "subject:exai_threshold:resolved"
LINES = [target for target in targets() if target.json["expr"].count(RESOLVED)]


def resolved(target: Target) -> promql.VectorSelector:
    found: list[promql.VectorSelector] = []
    promql.walk(
        promql.parse(target.expression()),
        lambda node: found.append(node) if isinstance(node, promql.VectorSelector) and node.name == RESOLVED else None,
    )
    (selector,) = found
    return selector


def matched(target: Target) -> tuple[Threshold, set[str]]:
    """The threshold that a line is of, and the other labels that it is chosen by."""
    matchers = {each.name: each.value for each in resolved(target).matchers.matchers}
    return SHIPPED[str(matchers.pop("name"))], set(matchers)


@pytest.mark.parametrize("target", LINES, ids=map(str, LINES))
def test_a_line_is_of_a_threshold_that_there_is_and_of_its_subjects(target: Target) -> None:
    threshold, labels = matched(target)
    assert labels <= set(threshold.scope.values())


@pytest.mark.parametrize("target", LINES, ids=map(str, LINES))
def test_a_line_is_dashed_and_adds_up_with_no_other(target: Target) -> None:
    assert target.json["legendFormat"].split()[-1] == "alert"
    (style,) = (each for each in target.panel["fieldConfig"]["overrides"] if "alert$" in each["matcher"]["options"])
    properties = {each["id"]: each["value"] for each in style["properties"]}
    assert properties["custom.lineStyle"]["fill"] == "dash"
    assert properties["custom.stacking"]["mode"] == "none"


def subjects(target: Target) -> set[str]:
    """The labels of the threshold by which the lines that its panel draws are told apart."""
    legends = (each["legendFormat"] for each in target.panel["targets"] if not each["legendFormat"].endswith("alert"))
    drawn = {label for legend in legends for label in re.findall(r"^\{\{(\w+)\}\}$", legend)}
    return drawn & set(matched(target)[0].scope.values())


LATENCIES = [target for target in LINES if matched(target)[0].unit == "seconds" and subjects(target)]


@pytest.mark.parametrize("target", LATENCIES, ids=map(str, LATENCIES))
def test_each_latency_has_the_line_of_its_own_threshold(target: Target) -> None:
    assert [target.json["legendFormat"]] == [f"{{{{{label}}}}} alert" for label in subjects(target)]


def test_a_slow_service_is_compared_with_its_own_threshold(tmp_path: Path) -> None:
    thresholds = {"redis": 0.5, "kimi": 45.0}
    (target,) = (each for each in LATENCIES if each.panel["title"] == "Latency p95 by service")
    name = f'{RESOLVED}{{name="response_p95_seconds",connection_type='
    with prometheus_of(tmp_path, [f'{name}"{who}"}} {value} {NOW}' for who, value in thresholds.items()]) as prometheus:
        rows = prometheus.query(target.expression(), at=NOW)
        (alone,) = prometheus.query(target.expression({"service": "kimi"}), at=NOW)
    assert {row["metric"]["connection_type"]: float(row["value"][1]) for row in rows} == thresholds
    assert float(alone["value"][1]) == 45


def test_without_a_subject_the_line_is_the_lowest_that_is_chosen() -> None:
    query = alert("cpu_ratio", 'service=~"$api"')
    assert query.expr == 'min (subject:exai_threshold:resolved{name="cpu_ratio", service=~"$api"})'
    assert query.legend == "alert"


def test_each_subject_has_a_line_of_its_name() -> None:
    query = alert("response_p95_seconds", subject="connection_type")
    assert query.expr.startswith("min by (connection_type) (")
    assert query.legend == "{{connection_type}} alert"


def test_a_panel_without_alerts_has_no_line() -> None:
    assert timeseries("t", "d", [Query("a", "b")], unit="s")["fieldConfig"]["overrides"] == []
