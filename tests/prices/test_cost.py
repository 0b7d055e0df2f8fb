"""A call costs what the rules of Prometheus would add up for it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from exporter.prices.cost import CallCost
from exporter.prices.table import Price

MILLION = 1_000_000
PRICES = {
    "k2": Price(
        input=2.0, output=10.0, cached_input=0.5, cache_write=3.0, reasoning=12.0, blended=4.0,
        date=date(2026, 11, 21), source="https://prices.example/k2", aliases=("k2-preview",),
    ),
    "plain": Price(input=2.0, output=10.0, date=date(2026, 11, 21), source="https://prices.example/plain"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "tokens", "dollars"),
    [
        ("k2", {"input": 1, "output": 1}, 12.0),
        ("k2-preview", {"total": 1}, 4.0),
        ("k2", {"input": 3, "input_cached": 1, "input_cache_write": 1}, 2.0 + 0.5 + 3.0),
        ("k2", {"output": 2, "output_reasoning": 1}, 10.0 + 12.0),
        ("plain", {"input": 2, "input_cached": 1, "output": 1, "output_reasoning": 1}, 2 * 2.0 + 10.0),
        ("plain", {"total": 1}, None),
        ("plain", {}, None),
        ("k2", {"input_cached": 1}, None),
        ("unknown", {"input": 1}, None),
    ],
)
def test_a_call_costs_its_tokens(model: str, tokens: dict[str, int], dollars: Any) -> None:
    millions = {token_type: count * MILLION for token_type, count in tokens.items()}
    found = CallCost(PRICES).of(model, millions)
    assert found == (None if dollars is None else pytest.approx(dollars))
