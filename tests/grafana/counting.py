"""Which questions count what happens, and so answer zero where nothing does."""

from __future__ import annotations

from collections import defaultdict

import promql_parser as promql

from tests.promql import rules, series_names


def _recorded() -> dict[str, list[str]]:
    """What each recorded series is made of."""
    made: dict[str, list[str]] = defaultdict(list)
    for rule in rules():
        if "record" in rule:
            made[rule["record"]].append(rule["expr"])
    return made


_RECORDED = _recorded()


def is_of_rates(expression: str, through: frozenset[str] = frozenset()) -> bool:
    """Whether it reads a counter's rate or increase, itself or in what is recorded, beyond the names in `through`."""
    nodes: list[promql.Expr] = []
    promql.walk(promql.parse(expression), nodes.append)
    if any(isinstance(node, promql.Call) and node.func.name in {"rate", "increase"} for node in nodes):
        return True
    names = series_names(expression) - through
    return any(is_of_rates(each, through | names) for name in names for each in _RECORDED.get(name, ()))
