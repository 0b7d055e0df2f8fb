"""A model call that was refused uses no tokens, whatever its sender tells of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.core.examples import minimal
from tests.core.harness import folded, view
from tests.core.test_derived_calls import CALL, SOURCES, with_metadata
from tests.servers import ROOT

TOKENS = {"prompt_tokens": 1000, "completion_tokens": 200, "cached_input_tokens": 400, "reasoning_tokens": 50}
RECORDED: list[dict[str, str]] = json.loads((ROOT / "tests/data/sdk_errors.json").read_text())


def counted(**call: Any) -> dict[str, float]:
    """Return the tokens that the series count of a call, by their type."""
    found = view(folded([minimal("duration", **TOKENS, **call)]).state)
    return {labels[3]: content[0] for (name, labels), content in found.items() if name == "gen_ai_client_token_usage"}


@pytest.mark.parametrize("error", RECORDED, ids=lambda error: f"{error['sdk']} {error['error_type']}")
def test_a_recorded_error_costs_nothing_if_it_is_a_refusal(error: dict[str, str]) -> None:
    found = counted(outcome="error", error=error["message"], error_type=error["type"])
    assert bool(found) is (error["error_type"] not in {"rate_limited", "unauthorized", "bad_request"})


def test_a_call_that_ran_counts_its_tokens() -> None:
    expected = {"input": 1000, "output": 200, "input_cached": 400, "output_reasoning": 50}
    assert counted() == expected
    assert counted(outcome="timeout", error="Error code: 429") == expected, "it was cut off, not refused"


@pytest.mark.parametrize("read", SOURCES)
@pytest.mark.parametrize("direction", ["reject", "rate_limit"])
def test_a_call_that_the_gateway_refused_tells_no_tokens(read: Any, direction: str) -> None:
    found = read({**with_metadata(**TOKENS, total_tokens=1200), "direction": direction})[1]
    assert (found.model, found.outcome) == (CALL["metadata"]["model"], "error")
    told = (found.prompt_tokens, found.completion_tokens, found.total_tokens)
    assert (*told, found.cached_input_tokens, found.reasoning_tokens) == (None,) * 5
