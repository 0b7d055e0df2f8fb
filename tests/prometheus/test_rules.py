"""The shipped rules name only series that exist, and every alert says what a person needs to know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.grafana.shipped import BOARDS
from tests.promql import Rule, alerts, foreign_names, known_names, recorded_names, rules, series_names
from tests.servers import ROOT

UNIT_TESTS = sorted((ROOT / "prometheus/tests").glob("*.yml"))
ALERT_NAMES = sorted({alert["alert"] for alert in alerts()})
LABELS = {"severity", "category", "service", "provider", "model"}
ANNOTATIONS = {"summary", "description", "recommendation", "dashboard", "runbook"}


def name_of(rule: Rule) -> str:
    return str(rule.get("alert") or rule["record"])


def unit_tests() -> Iterator[dict[str, Any]]:
    for path in UNIT_TESTS:
        yield from yaml.safe_load(path.read_text())["tests"]


@pytest.mark.parametrize("rule", list(rules()), ids=name_of)
def test_a_rule_names_only_known_series(rule: Rule) -> None:
    assert series_names(rule["expr"]) <= known_names()


def test_the_names_in_an_expression_are_found_wherever_they_stand() -> None:
    expression = 'sum(rate(a_total{x="y"}[5m] offset 1m)) / on () {__name__="b"} > c or absent(max_over_time(d[1h:1m]))'
    assert series_names(expression) == {"a_total", "b", "c", "d"}


def test_a_selector_without_a_name_is_not_a_known_series() -> None:
    assert not series_names('{__name__=~"up|x"}') <= known_names()


def test_text_that_is_no_promql_is_refused() -> None:
    with pytest.raises(ValueError, match="parenthesis"):
        series_names("sum(rate(")


@pytest.mark.parametrize("name", sorted(recorded_names()))
def test_a_recorded_name_is_level_metric_operation(name: str) -> None:
    assert re.fullmatch(r"[a-z_]+:[a-z_]+:[a-z0-9_]+", name)


def test_a_foreign_series_is_not_one_of_ours() -> None:
    assert not {name for name in foreign_names() if name.startswith(("exai_", "gen_ai_", "kimi_"))}


@pytest.mark.parametrize("alert", alerts(), ids=name_of)
def test_an_alert_has_each_label_and_annotation(alert: Rule) -> None:
    assert set(alert["labels"]) >= LABELS
    assert all(alert["labels"].values())
    assert set(alert["annotations"]) == ANNOTATIONS
    assert alert["labels"]["severity"] in {"info", "warning", "critical"}
    assert alert["labels"]["category"] in {"performance", "reliability", "capacity", "anomaly"}


@pytest.mark.parametrize("alert", alerts(), ids=name_of)
def test_an_alert_is_named_and_linked_by_the_rules_of_the_house(alert: Rule) -> None:
    name, annotations = alert["alert"], alert["annotations"]
    assert name == "Watchdog" or re.fullmatch(r"Exai([A-Z][a-z]+)+", name)
    assert annotations["runbook"] == f"/runbooks/{name}"
    assert annotations["dashboard"].startswith("/d/")


@pytest.mark.parametrize("alert", alerts(), ids=name_of)
def test_the_board_of_an_alert_is_shipped_with_the_variables_that_the_link_sets(alert: Rule) -> None:
    link = alert["annotations"]["dashboard"]
    board = next(board for board in BOARDS if link.startswith(f"/d/{board['uid']}"))
    variables = {variable["name"] for variable in board["templating"]["list"]}
    assert set(re.findall(r"[?&]var-(\w+)=", link)) <= variables


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert sorted(path.stem for path in (ROOT / "docs/runbooks").glob("*.md")) == ALERT_NAMES


@pytest.mark.parametrize("name", ALERT_NAMES)
def test_a_runbook_says_what_it_means_and_how_to_mend_it(name: str) -> None:
    text = (ROOT / f"docs/runbooks/{name}.md").read_text()
    headings = re.findall(r"^#+ .*", text, re.MULTILINE)
    assert headings == [f"# {name}", "## Meaning", "## Impact", "## How to look", "## How to mend"]


@pytest.mark.parametrize("name", ALERT_NAMES)
def test_the_queries_of_a_runbook_are_promql_over_known_series(name: str) -> None:
    text = (ROOT / f"docs/runbooks/{name}.md").read_text()
    queries = re.findall(r"```promql\n(.*?)```", text, re.DOTALL)
    assert queries
    for query in queries:
        assert series_names(query) <= known_names()


@pytest.mark.parametrize("name", ALERT_NAMES)
def test_an_alert_is_seen_to_fire_with_its_labels_and_annotations(name: str) -> None:
    fired = [
        expected
        for test in unit_tests()
        for case in test.get("alert_rule_test", [])
        if case["alertname"] == name
        for expected in case.get("exp_alerts", [])
    ]
    severities = {alert["labels"]["severity"] for alert in alerts() if alert["alert"] == name}
    assert {expected["exp_labels"]["severity"] for expected in fired} == severities
    assert all(set(expected["exp_annotations"]) == ANNOTATIONS for expected in fired)


@pytest.mark.parametrize("test", list(unit_tests()), ids=lambda test: test["name"])
def test_no_sample_of_a_unit_test_lies_on_the_edge_of_a_window(test: dict[str, Any]) -> None:
    milliseconds = re.fullmatch(r"(\d+)ms", test["interval"])
    assert milliseconds
    assert int(milliseconds[1]) % 5000
    assert all(series["values"].startswith("_ ") for series in test["input_series"])
