"""Every query of every board, walked."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import promql_parser as promql
import pytest

from exporter.conventions import FAMILIES, Family, Kind
from tests.grafana.shipped import BOARDS, WINDOWS, Target, targets
from tests.promql import known_names, series_names

TARGETS = list(targets())
GRAFANAS_WINDOWS = {promql.parse_duration(duration) for duration in WINDOWS.values()}
FAMILY_OF: dict[str, Family] = {name: family for family in FAMILIES.values() for name in family.series_names}
COUNTERS = {name for name, family in FAMILY_OF.items() if family.kind is not Kind.GAUGE}
OF_THE_SCRAPE = {"job", "instance"}

each_target = pytest.mark.parametrize("target", TARGETS, ids=map(str, TARGETS))


def nodes(query: str, kind: type) -> list[Any]:
    found: list[Any] = []
    promql.walk(promql.parse(query), found.append)
    return [node for node in found if isinstance(node, kind)]


def selectors(query: str) -> list[promql.VectorSelector]:
    return nodes(query, promql.VectorSelector)


def bare_counters(query: str) -> set[str]:
    """The counters that a query reads outside `rate` and `increase`."""
    calls = [call for call in nodes(query, promql.Call) if call.func.name in {"rate", "increase"}]
    counted = Counter(str(call.args[0].vector_selector.name) for call in calls)
    read = Counter(str(selector.name) for selector in selectors(query))
    return (read - counted).keys() & COUNTERS


def foreign_windows(query: str) -> list[object]:
    """The windows of a query that Grafana did not choose; a board's own would not follow its time range."""
    windows = [node.range for node in (*nodes(query, promql.MatrixSelector), *nodes(query, promql.SubqueryExpr))]
    return [window for window in windows if window not in GRAFANAS_WINDOWS]


def told_anyway(query: str) -> set[str]:
    """The labels of the scrape that a query selects by though it need not: one exporter tells all there is to tell.

    What others tell of themselves too, such as a process' memory, is chosen by its job.
    """
    return {
        each.name
        for selector in selectors(query)
        for each in selector.matchers.matchers
        if each.name == "instance" or (each.name == "job" and selector.name in FAMILY_OF)
    }


def foreign_labels(query: str) -> dict[str, set[str]]:
    """The labels that a query selects by and the catalogue does not know for that series."""
    return {
        str(selector.name): unknown
        for selector in selectors(query)
        if (family := FAMILY_OF.get(str(selector.name)))
        and (unknown := {each.name for each in selector.matchers.matchers} - {*family.labels, *OF_THE_SCRAPE, "le"})
    }


@each_target
def test_every_series_is_known(target: Target) -> None:
    assert series_names(target.expression()) <= known_names()


@each_target
def test_every_label_is_one_of_its_series(target: Target) -> None:
    assert foreign_labels(target.expression()) == {}


@each_target
def test_counters_are_read_as_rates(target: Target) -> None:
    assert bare_counters(target.expression()) == set()


@each_target
def test_windows_are_grafanas(target: Target) -> None:
    assert foreign_windows(target.expression()) == []


@each_target
def test_what_is_drawn_over_time_is_not_smoothed_over_all_of_it(target: Target) -> None:
    asked = target.json["expr"]
    assert target.json["instant"] or "$__range" not in asked or "$__rate_interval" in asked


@each_target
def test_no_job_and_no_instance_is_written_down(target: Target) -> None:
    assert told_anyway(target.expression()) == set()


@each_target
def test_every_variable_is_one_of_the_board(target: Target) -> None:
    known = {variable["name"] for variable in target.board["templating"]["list"]} | {"__rate_interval", "__range"}
    assert set(re.findall(r"\$\{?([a-z_]\w*)", target.json["expr"])) <= known


@each_target
def test_a_variable_with_several_values_is_matched_as_a_pattern(target: Target) -> None:
    several = "|".join(each["name"] for each in target.board["templating"]["list"] if each.get("multi"))
    assert re.findall(rf'(?<!=~)"\$({several})\b', target.json["expr"]) == []


def test_a_bare_counter_would_be_found() -> None:
    query = "exai_connection_events_total / sum(rate(exai_connection_events_total[7m13s]))"
    assert bare_counters(query) == {"exai_connection_events_total"}
    assert bare_counters("max_over_time(gen_ai_client_token_usage_sum[7m13s])") == {"gen_ai_client_token_usage_sum"}


@pytest.mark.parametrize("query", ["rate(a[5m])", "max_over_time(rate(a[7m13s])[1h:])"])
def test_a_window_of_its_own_would_be_found(query: str) -> None:
    assert len(foreign_windows(query)) == 1


def test_a_job_or_an_instance_would_be_found() -> None:
    assert told_anyway('exai_sessions_active{job="x"} / up{instance=~"y"}') == {"job", "instance"}
    assert told_anyway('process_cpu_seconds_total{job="exai-exporter"}') == set()


def test_a_label_that_a_series_has_not_would_be_found() -> None:
    assert foreign_labels('exai_connections_active{service="kimi"}') == {"exai_connections_active": {"service"}}


@pytest.mark.parametrize("board", BOARDS, ids=[board["uid"] for board in BOARDS])
def test_variables_are_filled_from_labels_that_exist(board: dict[str, Any]) -> None:
    for variable in board["templating"]["list"]:
        if variable["type"] != "query":
            continue
        query = variable["query"]["query"]
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
        assert found, query
        series, label = found.groups()
        (selector,) = selectors(re.sub(r"\$\w+", ".*", series))
        assert label == "__name__" or label in FAMILY_OF[str(selector.name)].labels
        assert foreign_labels(re.sub(r"\$\w+", ".*", series)) == {}


def test_model_calls_are_not_shown_as_requests() -> None:
    for target in TARGETS:
        for selector in selectors(target.expression()):
            if selector.name == "exai_connection_events_total":
                assert 'direction!="duration_recorded"' in selector.prettify()
            if selector.name == "exai_connection_errors_total":
                assert 'function!="record_duration"' in selector.prettify()


def test_silence_is_never_drawn_as_a_zero() -> None:
    """`or vector(0)` would read as well while nothing is scraped at all."""
    assert [str(target) for target in TARGETS if "vector(" in target.json["expr"]] == []
