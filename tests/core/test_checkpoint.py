"""What a checkpoint wrote is what a restart reads back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.conventions import OPERATION_DURATION
from exporter.fold.apply import Fold
from exporter.fold.checkpoint import Snapshot, read_positions, rebucket, restore, take, write
from exporter.fold.gauges import expire
from exporter.fold.state import State
from exporter.fold.store import StoreError, open_store
from exporter.types import Move
from tests.core.examples import NOW, minimal
from tests.core.harness import folded, shown, view
from tests.core.strategies import batches


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_store(tmp_path / "store")
    yield connection
    connection.close()


def save(store: sqlite3.Connection, fold: Fold, moves: dict[str, Move] | None = None, at: float = NOW) -> Snapshot:
    """One checkpoint."""
    snapshot = take(fold, moves or {}, at)
    store.execute("BEGIN")
    write(store, snapshot)
    store.execute("COMMIT")
    return snapshot


def restored(store: sqlite3.Connection) -> Fold:
    fold = Fold(State())
    restore(store, fold)
    return fold


def fresh_store() -> sqlite3.Connection:
    return open_store(Path(":memory:"))


@given(st.lists(st.tuples(batches, st.booleans()), max_size=4))
@settings(max_examples=60, deadline=None)
def test_the_state_after_a_restart_is_the_state_before_it(steps: list[tuple[list[dict[str, Any]], bool]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "chmod", lambda *_: None)
        store = fresh_store()
    restore(store, Fold(State()))
    fold = Fold(State())
    for events, look in steps:
        folded(events, fold, received=NOW)
        if look:
            save(store, fold)
    save(store, fold)
    again = restored(store)
    assert view(again.state) == view(fold.state)
    assert shown(again.state) == shown(fold.state)
    assert again.totals.known == fold.totals.known
    more = [event for events, _ in steps for event in events]
    assert view(folded(more, again, received=NOW).state) == view(folded(more, fold, received=NOW).state)
    store.close()


def test_only_what_has_changed_is_written_again(store: sqlite3.Connection) -> None:
    fold = folded([minimal("cache"), minimal("http")])
    save(store, fold)
    folded([minimal("http")], fold)
    second = save(store, fold)
    assert not second.new_rows
    assert 0 < len(second.values) < len(view(fold.state))
    assert not save(store, fold).values
    assert view(restored(store).state) == view(fold.state)


def test_a_retracted_gauge_does_not_come_back(store: sqlite3.Connection) -> None:
    fold = folded([minimal("gauge", values={"active_sessions": 3})], received=NOW)
    save(store, fold)
    expire(fold.state, NOW + 1)
    save(store, fold)
    assert view(restored(store).state) == view(fold.state)
    assert "exai_sessions_active" not in shown(restored(store).state)


def test_a_gauge_that_came_and_went_between_two_checkpoints_leaves_nothing(store: sqlite3.Connection) -> None:
    fold = folded([minimal("gauge", values={"active_sessions": 3})], received=NOW)
    expire(fold.state, NOW + 1)
    save(store, fold)
    assert ("exai_sessions_active", ()) not in view(restored(store).state)
    assert store.execute("SELECT count(*) FROM child WHERE family = 'exai_sessions_active'").fetchone() == (0,)


@pytest.mark.parametrize("event_id", ["plain", "", "two\nlines", "tail\n", "\x00", "日本"])
def test_an_event_id_is_known_after_a_restart_whatever_it_is_made_of(store: sqlite3.Connection, event_id: str) -> None:
    fold = folded([minimal("http", event_id="before"), minimal("http", event_id=event_id)], received=NOW)
    save(store, fold)
    again = folded([minimal("http", event_id=event_id)], restored(store), received=NOW)
    assert view(again.state)["exai_exporter_events_duplicate_total", ("http",)] == 1


@pytest.mark.parametrize("tokens", [2**53, 2**62])
def test_no_sum_is_too_large_to_be_saved(store: sqlite3.Connection, tokens: int) -> None:
    fold = folded([minimal("duration", prompt_tokens=2**53), minimal("connection", data_size_bytes=2**53)])
    for held in fold.state.families.values():
        for child in held.children.values():
            if held.family.name in ("gen_ai_client_token_usage", "exai_connection_bytes_total"):
                child.value = tokens * 10
    save(store, fold)
    for key, content in view(restored(store).state).items():
        known = view(fold.state)[key]
        assert content == known or content[0] == pytest.approx(known[0])


def test_a_family_that_has_left_the_catalogue_is_passed_over(store: sqlite3.Connection) -> None:
    save(store, folded([minimal("http")]))
    store.execute("UPDATE child SET family = 'exai_forgotten_total' WHERE family = 'exai_http_requests_total'")
    found = view(restored(store).state)
    assert not [name for name, _ in found if name in ("exai_forgotten_total", "exai_http_requests_total")]
    assert [name for name, _ in found if name == "exai_http_request_duration_seconds"]


def test_positions_come_back_and_forget_what_was_forgotten(store: sqlite3.Connection) -> None:
    fold = Fold(State())
    save(store, fold, {"a": {"x": b"1", "y": b"2"}, "b": {"x": b"3"}})
    save(store, fold, {"a": {"x": b"9", "y": None}})
    assert read_positions(store) == {"a": {"x": b"9"}, "b": {"x": b"3"}}


def test_other_bucket_bounds_keep_every_count_through_any_number_of_restarts(store: sqlite3.Connection) -> None:
    save(store, folded([minimal("duration", duration_ms=1500)] * 3))
    restored(store)
    name = OPERATION_DURATION.name
    store.execute("UPDATE layout SET bounds = '[1.0, 2.0]' WHERE family = ?", (name,))
    old = msgspec.msgpack.encode((4.5, [0, 3, 0]))
    store.execute("UPDATE child_value SET value = ? WHERE id IN (SELECT id FROM child WHERE family = ?)", (old, name))
    for _ in range(3):
        again = restored(store)
        (found,) = [value for (family, _), value in view(again.state).items() if family == name]
        assert found[0] == 4.5
        assert len(found[1]) == len(OPERATION_DURATION.buckets) + 1
        assert found[1][OPERATION_DURATION.buckets.index(2.5)] == 3
        assert f'{name}_count{{gen_ai_operation_name="chat"' in shown(again.state)


@given(st.lists(st.integers(0, 100), min_size=4, max_size=4))
def test_counts_under_other_bounds_are_never_lost_and_never_too_early(counts: list[int]) -> None:
    moved = rebucket(counts, [1.0, 2.0, 3.0], (0.5, 2.0, 2.5, 10.0))
    assert moved == [0, counts[0] + counts[1], 0, counts[2], counts[3]]


def test_a_store_of_a_newer_exporter_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    store.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(StoreError, match="newer exporter"):
        open_store(tmp_path / "store")


def test_a_commit_that_returned_is_on_the_disk(store: sqlite3.Connection, tmp_path: Path) -> None:
    assert store.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o600
