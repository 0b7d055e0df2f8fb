"""Each event that ends an operation is counted once, with the outcome that the operation had."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.decode.gateway import decode_member
from exporter.fold.apply import Fold
from exporter.fold.state import State
from exporter.types import Batch
from tests.core.examples import minimal
from tests.core.harness import folded, view
from tests.core.test_derived_calls import OWN_CALLS, WRITTEN_AT

OPERATIONS, ERRORS = (f"exai_connection_{name}_total" for name in ("operations", "errors"))
ENDING = ("receive", "inbound", "success", "connect")
DIRECTIONS = (*ENDING, "send", "outbound", "error", "reject", "rate_limit", "duration_recorded", "something new")


def connection(direction: str, *, error: str | None = None, response_time_ms: float | None = None) -> dict[str, Any]:
    return minimal("connection", function_name="f", direction=direction, error=error, response_time_ms=response_time_ms)


def outcomes(found: dict[tuple[str, tuple[str, ...]], Any]) -> Counter[str]:
    """How many operations ended in each way."""
    counted: Counter[str] = Counter()
    for (name, labels), value in found.items():
        if name == OPERATIONS:
            counted[labels[2]] += value
    return counted


@pytest.mark.parametrize(
    ("direction", "untimed", "timed", "failed"),
    [
        *((direction, "ok", "ok", "error") for direction in ENDING),
        *((direction, None, "ok", "error") for direction in ("send", "outbound", "something new")),
        ("error", "error", "error", "error"),
        ("reject", "refused", "refused", "refused"),
        ("rate_limit", "refused", "refused", "refused"),
        ("duration_recorded", None, None, None),
    ],
)
def test_the_outcome_follows_direction_response_time_and_error_text(
    direction: str, untimed: str | None, timed: str | None, failed: str | None
) -> None:
    def outcome(**fields: Any) -> str | None:
        counted = outcomes(view(folded([connection(direction, **fields)]).state))
        assert sum(counted.values()) <= 1
        return next(iter(counted), None)

    assert outcome() == untimed
    assert outcome(response_time_ms=7.0) == timed
    assert {outcome(error="E: x", response_time_ms=time) for time in (None, 7.0)} == {failed}


@given(st.lists(st.sampled_from(list(product(DIRECTIONS, (None, "", "E: x"), (None, 0.0, 7.0)))), max_size=30))
def test_operations_and_events_agree_however_they_are_mixed(mixed: list[tuple[str, str | None, float | None]]) -> None:
    events = [connection(direction, error=error, response_time_ms=time) for direction, error, time in mixed]
    counted = outcomes(view(folded(events).state))
    directions = Counter(direction for direction, _, _ in mixed)
    refused = directions["reject"] + directions["rate_limit"]
    untold = sum(
        direction in ("send", "outbound", "something new") and not error and time is None
        for direction, error, time in mixed
    )
    assert counted["refused"] == refused
    assert counted.total() == len(mixed) - directions["duration_recorded"] - untold
    assert counted["error"] == sum(
        bool(error or direction == "error") and direction not in ("reject", "rate_limit", "duration_recorded")
        for direction, error, _ in mixed
    )


def test_a_refusal_with_an_error_text_counts_among_the_errors_too() -> None:
    found = view(folded([connection("reject", error="LimitError: full")]).state)
    assert outcomes(found) == {"refused": 1}
    assert found[ERRORS, ("kimi", "unknown", "f", "LimitError")] == 1


def test_the_gateways_own_calls_have_the_outcomes_that_its_call_sites_meant() -> None:
    fold = Fold(State())
    batches = (decode_member(line["member"].encode(), WRITTEN_AT) for line in OWN_CALLS)
    fold.apply(Batch("redis_zset", [event for batch in batches for event in batch.events], received=WRITTEN_AT))
    by_type: Counter[tuple[str, str]] = Counter()
    for (name, labels), value in view(fold.state).items():
        if name == OPERATIONS:
            by_type[labels[0], labels[2]] += value
    assert by_type == {
        ("kimi", "ok"): 42, ("kimi", "error"): 2,
        ("glm", "ok"): 20,
        ("redis", "ok"): 53,
        ("supabase", "error"): 1,
        ("websocket", "ok"): 1, ("websocket", "refused"): 2,
    }  # fmt: skip
    assert by_type.total() == len(OWN_CALLS)


def test_a_flood_of_functions_keeps_outcomes_by_type_right() -> None:
    fold = Fold(State({OPERATIONS: 2}))
    events = [
        minimal("connection", function_name=f"f{number}", direction="error" if number % 5 == 0 else "receive")
        for number in range(20)
    ]
    for _ in range(2):
        folded(events, fold)
    assert outcomes(view(fold.state)) == {"ok": 32, "error": 8}
