"""A call of a conversation is compared with the conversation's first, layer by layer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.conventions import CALL_SLOWDOWN
from exporter.fold.apply import Fold
from exporter.fold.checkpoint import restore, take, write
from exporter.fold.first_calls import FirstCall, FirstCalls
from exporter.fold.state import State
from exporter.fold.store import open_store
from exporter.pseudonyms import pseudonym
from exporter.state_dir import STORE
from tests.core.examples import T, minimal
from tests.core.harness import folded, running, view

Ratios = dict[tuple[str, ...], tuple[float, int]]
FIRST = FirstCall("kimi", {"ai_api": 2.0})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_store(tmp_path / "store")
    yield connection
    connection.close()


def call(number: int, conversation: str = "c", provider: str | None = "kimi", **seconds: float) -> dict[str, Any]:
    """A call of a conversation that spends so many seconds in each layer."""
    spans = [{"layer": layer, "start_time": T, "end_time": T + length} for layer, length in seconds.items()]
    return minimal("trace", conversation_id=conversation, call_index=number, provider=provider, spans=spans)


def ratios(events: Iterable[dict[str, Any]], fold: Fold | None = None) -> Ratios:
    """The sum and the number of the ratios, by call, layer, tool and provider."""
    found = view(folded(list(events), fold).state).items()
    return {labels: (total, sum(counts)) for (name, labels), (total, counts) in of_slowdown(found)}


def of_slowdown(found: Iterable[Any]) -> list[Any]:
    return [(key, content) for key, content in found if key[0] == CALL_SLOWDOWN.name]


def test_each_layer_is_compared_with_itself() -> None:
    found = ratios([call(1, ai_api=2.0, supabase=0.5), call(3, ai_api=3.0, supabase=2.0, shim=1.0)])
    assert found == {("3", "ai_api", "chat", "kimi"): (1.5, 1), ("3", "supabase", "chat", "kimi"): (4.0, 1)}


def test_every_call_is_compared_with_the_first_and_those_from_the_fifth_on_together() -> None:
    found = ratios(call(number, ai_api=float(number)) for number in range(1, 8))
    assert {labels[0]: content for labels, content in found.items()} == {
        "2": (2.0, 1),
        "3": (3.0, 1),
        "4": (4.0, 1),
        "5+": (18.0, 3),
    }


def test_spans_of_one_layer_add_up() -> None:
    first, second = call(1, tool=1.0), call(2, tool=1.0)
    first["spans"] *= 2
    second["spans"] *= 3
    assert ratios([first, second]) == {("2", "tool", "chat", "kimi"): (1.5, 1)}


@pytest.mark.parametrize(
    "events",
    [
        [call(2, ai_api=1.0), call(3, ai_api=1.0)],
        [call(1, "other", ai_api=1.0), call(3, ai_api=1.0)],
        [call(3, ai_api=1.0), call(1, ai_api=1.0)],
    ],
    ids=["no first call", "that of another conversation", "the first call last"],
)
def test_a_conversation_whose_first_call_was_not_seen_counts_nothing(events: list[dict[str, Any]]) -> None:
    assert ratios(events) == {}


def test_calls_without_a_conversation_are_not_compared() -> None:
    events = [call(1, ai_api=1.0), call(2, ai_api=1.0)]
    assert ratios([{**event, "conversation_id": None} for event in events]) == {}


def test_calls_of_two_providers_are_not_compared() -> None:
    events = [call(1, ai_api=1.0), call(2, provider="glm", ai_api=6.0), call(3, ai_api=1.0), call(4, provider=None)]
    assert ratios(events) == {("3", "ai_api", "chat", "kimi"): (1.0, 1)}


def test_a_gateway_that_names_no_provider_is_compared() -> None:
    events = [call(number, provider=None, ai_api=float(number)) for number in (1, 2)]
    assert ratios(events) == {("2", "ai_api", "chat", "unknown"): (2.0, 1)}


@pytest.mark.parametrize("status", ["error", "cancelled"])
def test_a_call_that_ended_early_is_neither_compared_nor_a_first_call(status: str) -> None:
    failed = [{**call(number, ai_api=0.01), "status": status} for number in (1, 2)]
    assert ratios([failed[0], call(2, ai_api=4.0)]) == {}
    assert ratios([call(1, ai_api=4.0), failed[1]]) == {}


def test_a_call_that_timed_out_is_compared() -> None:
    found = ratios([call(1, ai_api=2.0), {**call(2, ai_api=60.0), "status": "timeout"}])
    assert found == {("2", "ai_api", "chat", "kimi"): (30.0, 1)}


def test_a_layer_that_took_no_time_in_the_first_call_is_not_compared() -> None:
    assert ratios([call(1, ai_api=0.0), call(2, ai_api=1.0)]) == {}


def test_the_first_of_two_first_calls_stays() -> None:
    """Two processes may each number the calls of a conversation from 1."""
    found = ratios([call(1, ai_api=2.0), call(1, ai_api=10.0), call(2, ai_api=4.0)])
    assert found == {("2", "ai_api", "chat", "kimi"): (2.0, 1)}


def test_of_more_conversations_than_are_kept_the_oldest_is_forgotten() -> None:
    first_calls = FirstCalls(most=3)
    for number in range(5):
        first_calls.add(f"c{number}", FIRST)
        first_calls.get("c0")
    assert [number for number in range(5) if first_calls.get(f"c{number}")] == [2, 3, 4]
    assert len(first_calls) == 3


def test_10_000_conversations_are_kept() -> None:
    first_calls = FirstCalls()
    for number in range(10_001):
        first_calls.add(f"c{number}", FIRST)
    assert (first_calls.get("c0"), first_calls.get("c1"), len(first_calls)) == (None, FIRST, 10_000)


def test_what_a_stranger_sends_cannot_make_an_entry_large() -> None:
    fold = Fold(State())
    long = call(1, "x" * 100_000, provider="東" * 128, **dict.fromkeys(("shim", "tool", "ai_api", "supabase"), 1.0))
    long["spans"] *= 200
    folded([long, call(1, "y", provider="z" * 100_000, ai_api=1.0)], fold)
    assert [len(row.conversation) for row in fold.first_calls.take_unsaved()] == [16, 16]
    folded([call(1, "again", provider="東" * 128, ai_api=1.0)], fold)
    (row,) = fold.first_calls.take_unsaved()
    assert len(row.value) < 3 * 128 + 100


def save(store: sqlite3.Connection, fold: Fold) -> None:
    """One checkpoint."""
    store.execute("BEGIN")
    write(store, take(fold, {}, T))
    store.execute("COMMIT")


def restored(store: sqlite3.Connection, most: int) -> FirstCalls:
    """The first calls that a start with this store has."""
    fold = Fold(State())
    fold.first_calls = FirstCalls(most)
    restore(store, fold)
    return fold.first_calls


def test_first_calls_are_saved_with_the_counts(store: sqlite3.Connection) -> None:
    fold = Fold(State())
    folded([call(1, ai_api=2.0)], fold)
    save(store, fold)
    assert fold.first_calls.take_unsaved() == []
    again = Fold(State())
    restore(store, again)
    assert ratios([call(3, ai_api=3.0)], again) == {("3", "ai_api", "chat", "kimi"): (1.5, 1)}


def test_a_restart_keeps_the_order_and_the_disk_holds_no_more_than_the_memory(store: sqlite3.Connection) -> None:
    fold = Fold(State())
    fold.first_calls = FirstCalls(most=3)
    for number in range(5):
        fold.first_calls.add(f"c{number}", FIRST)
        save(store, fold)
    assert store.execute("SELECT count(*) FROM first_call").fetchone() == (3,)
    again = restored(store, most=3)
    again.add("new", FIRST)
    assert [name for name in ("c1", "c2", "c3", "c4", "new") if again.get(name)] == ["c3", "c4", "new"]


def test_a_deleted_conversation_is_gone_from_memory_and_disk(tmp_path: Path) -> None:
    with running(tmp_path) as exporter:
        exporter.push([call(1, ai_api=2.0), call(1, "other", ai_api=2.0)])
        exporter.samples()
        exporter.app.delete_conversation(pseudonym("c"))
        exporter.push([call(2, ai_api=4.0), call(2, "other", ai_api=8.0)])
        assert exporter.value("exai_call_slowdown_ratio_sum") == 4.0
    with sqlite3.connect(tmp_path / STORE) as connection:
        kept = connection.execute("SELECT length(conversation) FROM first_call ORDER BY number").fetchall()
    connection.close()
    assert kept == [(0,), (16,)]
