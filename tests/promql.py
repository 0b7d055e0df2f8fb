"""What PromQL expressions name, and what they may name: shared by the tests of rules and of dashboards."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import promql_parser
import yaml

from exporter.conventions import FAMILIES
from tests.servers import ROOT

Rule = dict[str, Any]
"""One rule of a rule file, as YAML gives it."""


def series_names(expression: str) -> set[str]:
    """The names of all series that an expression selects; ValueError when it is no PromQL.

    A selector without a plain name (`{job="x"}`, `{__name__=~"a|b"}`) is given as it is written.
    """
    selectors: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            selectors.append(node)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return {selector.name or _name_matched(selector) for selector in selectors}


def _name_matched(selector: promql_parser.VectorSelector) -> str:
    for matcher in selector.matchers.matchers:
        if matcher.name == "__name__" and matcher.op == promql_parser.MatchOp.Equal:
            return str(matcher.value)
    return selector.prettify().strip()


def rules() -> Iterator[Rule]:
    """Every shipped recording rule and alert."""
    for path in sorted((ROOT / "prometheus/rules").glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


def alerts() -> list[Rule]:
    """Every shipped alert; one name may stand for several rules."""
    return [rule for rule in rules() if "alert" in rule]


def recorded_names() -> set[str]:
    """The names that the shipped rules record."""
    return {rule["record"] for rule in rules() if "record" in rule}


def foreign_names() -> set[str]:
    """The names in prometheus/foreign_series.yml."""
    foreign = yaml.safe_load((ROOT / "prometheus/foreign_series.yml").read_text())
    return {name for names in foreign.values() for name in names}


@cache
def known_names() -> frozenset[str]:
    """Every name that a rule or a dashboard may use: declared, recorded, or listed as foreign."""
    declared = {name for family in FAMILIES.values() for name in family.series_names}
    return frozenset(declared | recorded_names() | foreign_names())
