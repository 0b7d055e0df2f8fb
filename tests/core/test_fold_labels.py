"""A label is 1 to 128 printable characters and has a budget; past it a value is `other` or `unknown`, and counted."""

from __future__ import annotations

import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.conventions import FAMILIES, FOLDED, INVALID, LABEL_VALUE_BUDGETS, OTHER, UNKNOWN
from exporter.events import ConnectionEvent
from exporter.fold.apply import Fold
from exporter.fold.labels import LONGEST, clean
from exporter.fold.state import State
from exporter.types import Batch
from tests.core.examples import minimal
from tests.core.harness import folded, view

EVENTS, OVERFLOW = "exai_connection_events_total", "exai_exporter_series_overflow_total"
CALLS = "gen_ai_client_operation_duration_seconds"


ALLOWED_INVISIBLE = {"\u200c", "\u200d"}
"""The joiners: all that Unicode's category Cf (format) may bring into a label."""


SHOWN = ["kimi", "日本語", "émile ", 'a"b\\c', "{}=,", "🙂", "x" * LONGEST, " "]
SPACED_AND_JOINED = ["12\u00a0000", "東京\u3000支社", "👩\u200d💻", "می\u200cروم"]
REFUSED = ["a\nb", "a\rb", "\x00", "\x1b[31m", "\x7f", "\u2028", "\u202e", "\u200b", "\ufeff", "x" * (LONGEST + 1)]


def may_stand_in_a_label(character: str) -> bool:
    """What `clean` promises, by Unicode's categories."""
    category = unicodedata.category(character)
    return category == "Zs" or character in ALLOWED_INVISIBLE or category[0] not in "CZ"


@pytest.mark.parametrize("value", [*SHOWN, *SPACED_AND_JOINED])
def test_printable_characters_of_any_language_stay(value: str) -> None:
    assert clean(value) == value


def test_every_space_and_both_joiners_stay_and_every_other_invisible_character_is_invalid() -> None:
    for character in map(chr, range(sys.maxunicode + 1)):
        assert (clean(f"a{character}b") != INVALID) == may_stand_in_a_label(character), hex(ord(character))


@given(st.text(min_size=1, max_size=LONGEST))
def test_a_value_is_invalid_for_any_one_character_that_may_not_stand_there(value: str) -> None:
    assert clean(value) == (value if all(map(may_stand_in_a_label, value)) else INVALID)


@pytest.mark.parametrize("value", REFUSED)
def test_control_characters_line_breaks_and_long_values_are_invalid(value: str) -> None:
    assert clean(value) == INVALID


def test_nothing_is_unknown() -> None:
    assert clean(None) == clean("") == UNKNOWN


@given(st.text())
def test_a_clean_label_is_always_fit_to_be_shown(value: str) -> None:
    found = clean(value)
    assert 1 <= len(found) <= LONGEST
    assert all(map(may_stand_in_a_label, found))
    assert clean(found) == found


def flood(count: int, kinds: int = 4) -> list[dict[str, Any]]:
    """Events with as many functions, spread over some connection types."""
    return [
        minimal("connection", connection_type=f"type-{number % kinds}", function_name=f"f{number}", data_size_bytes=1)
        for number in range(count)
    ]


def test_past_a_familys_budget_a_value_becomes_other_and_is_counted() -> None:
    state = State({EVENTS: 100})
    fold = folded(flood(1000), Fold(state))
    children = state.families[EVENTS].children
    assert len(children) <= 100 + 4
    assert sum(child.value for child in children.values()) == 1000
    assert view(state)[OVERFLOW, (EVENTS,)] == 900
    folded(flood(1000), fold)
    assert view(state)[OVERFLOW, (EVENTS,)] == 1800


def test_a_flood_of_functions_keeps_the_counts_by_connection_type_right() -> None:
    state = State({EVENTS: 10})
    folded(flood(1000), Fold(state))
    by_type: dict[str, float] = {}
    for (kind, *_), child in state.families[EVENTS].children.items():
        by_type[kind] = by_type.get(kind, 0) + child.value
    assert by_type == {f"type-{number}": 250 for number in range(4)}
    assert view(state)["exai_connection_bytes_total", ("type-0", "send")] == 250


def test_a_flood_of_connection_types_ends_at_their_own_budget() -> None:
    state = State()
    events = [minimal("connection", connection_type=f"type-{number}") for number in range(1000)]
    folded(events, Fold(state))
    kinds = {labels[0] for labels in state.families[EVENTS].children}
    assert len(kinds - {OTHER}) == LABEL_VALUE_BUDGETS["connection_type"]
    assert sum(child.value for child in state.families[EVENTS].children.values()) == 1000


def test_a_flood_of_error_types_ends_as_unknown_and_leaves_successes_alone() -> None:
    state = State()
    failed = [minimal("duration", outcome="error", error_type=f"E{number}Error") for number in range(1000)]
    folded([*failed, minimal("duration")], Fold(state))
    found = {labels[3]: sum(child.counts) for labels, child in state.families[CALLS].children.items()}
    assert (found.pop(""), found.pop(UNKNOWN)) == (1, 1000 - LABEL_VALUE_BUDGETS["error_type"])
    assert found == {f"E{number}Error": 1 for number in range(LABEL_VALUE_BUDGETS["error_type"])}


def test_past_a_familys_budget_an_outcome_stays_what_it_is() -> None:
    state = State({CALLS: 3})
    models = [minimal("duration", model=f"m{number}") for number in range(100)]
    folded([*models, *(event | {"outcome": "timeout"} for event in models)], Fold(state))
    found: dict[str, float] = {}
    for labels, child in state.families[CALLS].children.items():
        found[labels[3]] = found.get(labels[3], 0) + sum(child.counts)
    assert found == {"": 100, "timeout": 100}


def test_a_flood_of_directions_becomes_unknown() -> None:
    state = State()
    folded([minimal("connection", direction=f"d{number}") for number in range(100)], Fold(state))
    found = {labels[1]: child.value for labels, child in state.families[EVENTS].children.items()}
    assert found.pop(UNKNOWN) == 100 - LABEL_VALUE_BUDGETS["direction"]
    assert OTHER not in found


def test_a_known_label_set_counts_on_after_the_budget_is_spent() -> None:
    state = State({EVENTS: 5})
    fold = folded(flood(5), Fold(state))
    folded(flood(500), fold)
    folded(flood(5), fold)
    assert state.families[EVENTS].children["type-0", "send", UNKNOWN, "f0"].value == 3


def test_a_million_values_of_every_label_take_bounded_memory() -> None:
    fold = Fold(State())
    for start in range(0, 1_000_000, 10_000):
        numbers = range(start, start + 10_000)
        events = [ConnectionEvent(f"t{n}", f"d{n}", 1.7e9, f"s{n}", f"f{n}", 1, 1.0, f"E{n}: x") for n in numbers]
        fold.apply(Batch("http", events, received=1.7e9))
    assert len(fold._routes) <= 50_000
    for held in fold.state.families.values():
        assert len(held.children) <= held.family.budget + 32 * 9 * 2
    total = sum(child.value for child in fold.state.families[EVENTS].children.values())
    assert total == 1_000_000


def test_every_family_with_labels_has_a_way_to_overflow() -> None:
    for family in FOLDED:
        unlimited = [label for label in family.labels if label not in LABEL_VALUE_BUDGETS]
        product = 1
        for label in family.labels:
            product *= LABEL_VALUE_BUDGETS.get(label, 1) + 1
        assert unlimited or product <= 10 * FAMILIES[family.name].budget
