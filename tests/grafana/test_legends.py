"""What a line is called is a word, or labels that its series have."""

from __future__ import annotations

import re

import promql_parser as promql
import pytest

from tests.grafana.shipped import Target, targets

DRAWN = [target for target in targets() if target.json["format"] != "table"]


def kept_labels(node: promql.Expr) -> set[str] | None:
    """The labels that an expression leaves its series, None where it leaves them as they are."""
    match node:
        case promql.AggregateExpr() if str(node.op) in ("topk", "bottomk"):
            return kept_labels(node.expr)
        case promql.AggregateExpr(modifier=None):
            return set()
        case promql.AggregateExpr():
            return set(node.modifier.labels) if node.modifier.type == promql.AggModifierType.By else None
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return kept_labels(node.expr)
        case promql.BinaryExpr():
            return _kept_by_two(node)
        case promql.Call():
            return _kept_by_call(node)
    return None


def _kept_by_two(node: promql.BinaryExpr) -> set[str] | None:
    if isinstance(node.lhs, promql.NumberLiteral):
        return kept_labels(node.rhs)
    many = node.modifier and node.modifier.card == promql.VectorMatchCardinality.OneToMany
    return kept_labels(node.rhs if many else node.lhs)


def _kept_by_call(node: promql.Call) -> set[str] | None:
    asked = [each for each in node.args if not isinstance(each, promql.NumberLiteral | promql.StringLiteral)]
    kept = kept_labels(asked[0]) if asked else set()
    if kept is not None and node.func.name == "label_replace":
        return kept | {node.args[1].val}
    return kept


@pytest.mark.parametrize("target", DRAWN, ids=map(str, DRAWN))
def test_a_line_has_a_name(target: Target) -> None:
    assert target.json["legendFormat"].strip() not in ("", "__auto")


@pytest.mark.parametrize("target", DRAWN, ids=map(str, DRAWN))
def test_a_name_is_made_of_labels_that_the_query_leaves(target: Target) -> None:
    named = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target.json["legendFormat"]))
    kept = kept_labels(promql.parse(target.expression()))
    assert kept is None or named <= kept


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("sum(a)", set()),
        ("up", None),
        ("topk(3, sum by (a, b) (x))", {"a", "b"}),
        ("1 - (sum by (a) (x) / on (a) y)", {"a"}),
        ("histogram_quantile(0.9, sum by (le, a) (rate(x[5m])))", {"le", "a"}),
        ('label_replace(max(x), "c", "$1", "d", "(.*)")', {"c"}),
    ],
)
def test_what_a_query_leaves_is_known(query: str, kept: set[str] | None) -> None:
    assert kept_labels(promql.parse(query)) == kept
