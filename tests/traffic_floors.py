"""Whether a rule may judge by a handful of events: shared by the tests of the rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from operator import add, mul, sub, truediv
from typing import Any

import promql_parser

from tests.promql import rules, series_names

_COUNTS = re.compile(r"\b(?:rate|irate|increase)\(|:(?:rate|increase)\d")
_THRESHOLD = "subject:exai_threshold:resolved"
"""Names the series that it is for, and compares with none of them."""

_OPERATIONS = {"+": add, "-": sub, "*": mul, "/": truediv}


def floors(expression: str) -> list[float | None]:
    """The least traffic that each divisor made of counters must have; None where there is no such limit."""
    return [_floor(node.rhs) for node in _binaries(promql_parser.parse(expression), "/") if _counts(node.rhs)]


def rests_on_little(expression: str, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a ratio or a quantile of next to nothing can come out.

    It can where there is no floor above 0, neither here nor in a recorded series that is used, nor an `and` with one.
    `seen` names the series that are looked at already: some are recorded of what they were.
    """
    parsed = promql_parser.parse(expression)
    guards = [_floor(node.rhs) for node in _binaries(parsed, "and") if _counts(node.rhs)]
    if any(guards):
        return False
    names = series_names(expression) - {_THRESHOLD} - seen
    recorded = [text for name in names for text in _recorded().get(name, ())]
    without = "histogram_quantile" in expression or not all(floors(expression))
    return without or any(rests_on_little(each, seen | names) for each in recorded)


@cache
def _recorded() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for rule in rules():
        found.setdefault(rule.get("record", ""), []).append(rule["expr"])
    return found


def _counts(node: Any) -> bool:
    return bool(_COUNTS.search(node.prettify()))


def _floor(node: Any) -> float | None:
    """The constant of a comparison inside a node."""
    found = [_constant(each.rhs) for each in _binaries(node, ">=", ">") if _counts(each.lhs)]
    return max((value for value in found if value is not None), default=None)


def _binaries(node: Any, *operators: str) -> Iterator[Any]:
    found: list[Any] = []

    def visit(each: promql_parser.Expr) -> None:
        if isinstance(each, promql_parser.BinaryExpr) and str(each.op) in operators:
            found.append(each)

    promql_parser.walk(node, visit)
    yield from found


def _constant(node: Any) -> float | None:
    if isinstance(node, promql_parser.ParenExpr):
        return _constant(node.expr)
    if isinstance(node, promql_parser.NumberLiteral):
        return float(node.val)
    if isinstance(node, promql_parser.BinaryExpr) and str(node.op) in _OPERATIONS:
        left, right = _constant(node.lhs), _constant(node.rhs)
        return None if left is None or right is None else float(_OPERATIONS[str(node.op)](left, right))
    return None
