"""A call that a gateway describes and an application records counts once."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter import conventions as series
from exporter.events import ConnectionEvent, DurationEvent
from exporter.fold.apply import Fold
from exporter.fold.call_selection import MOST_MODELS, CallSelection
from exporter.fold.checkpoint import restore, take, write
from exporter.fold.recent import RecentEvents
from exporter.fold.state import State
from exporter.fold.store import open_store
from exporter.state_dir import STORE
from exporter.types import Batch
from tests.core.examples import T, minimal
from tests.core.harness import running
from tests.core.test_derived_calls import CALL, canonical
from tests.servers import ROOT

K2 = "kimi-k2-0905-preview"
DAY = 86_400.0
RECORDED = ROOT / "tests/data/state_0.1.0.sqlite3.gz"


def derived(timestamp: float = T, model: str = K2, **fields: Any) -> DurationEvent:
    return DurationEvent(model, 1000.0, timestamp, provider="kimi", derived=True, **fields)


def explicit(timestamp: float = T, model: str = K2, **fields: Any) -> DurationEvent:
    return DurationEvent(model, 1000.0, timestamp, provider="kimi", **fields)


def fold_of(
    selection: CallSelection | None = None, authorities: dict[str, str] | None = None
) -> Callable[..., dict[str, float]]:
    """A fold: takes events of a source, and returns how many calls of each model have been counted."""
    fold = Fold(State(), authorities, selection=selection)

    def apply(*events: Any, source: str = "http") -> dict[str, float]:
        fold.apply(Batch(source, events, received=T))
        return counted(fold)

    return apply


def counted(fold: Fold) -> dict[str, float]:
    children = fold.state.families[series.OPERATION_DURATION.name].children.values()
    return {child.labels[2]: sum(child.counts) for child in children}  # type: ignore[attr-defined]


def test_described_calls_count_until_the_first_recorded_one() -> None:
    apply = fold_of()
    assert apply(*[derived(T + second) for second in range(3)]) == {K2: 3}
    assert apply(explicit(T + 3), derived(T + 3), derived(T + 4), explicit(T + 4)) == {K2: 5}
    assert apply(derived(T + DAY)) == {K2: 5}


def test_a_model_switches_by_itself_and_its_dates_make_no_difference() -> None:
    apply = fold_of()
    apply(explicit(model="kimi-k2-preview"))
    found = apply(derived(model="Kimi-K2-0711-preview"), derived(model=K2), derived(model="glm-4.6"))
    assert found == {"kimi-k2-preview": 1, "glm-4.6": 1}


def test_a_recorded_call_of_any_source_switches() -> None:
    apply = fold_of()
    apply(explicit(), source="postgres")
    assert apply(derived(), source="redis_zset") == {K2: 1}


@pytest.mark.parametrize(("which", "count"), [("events", 1), ("duration", 2)])
def test_a_setting_decides_for_all_models(which: Any, count: int) -> None:
    apply = fold_of(CallSelection(which))
    assert apply(derived(), explicit(), explicit()) == {K2: count}


def test_recorded_calls_of_hours_whose_events_have_counted_do_not_count_again() -> None:
    """Redis brings a day of events, and then PostgreSQL a day of rows of the same calls."""
    apply = fold_of(CallSelection(look_back_s=300))
    times = [T + 60 * minute for minute in range(100)]
    apply(*map(derived, times), source="redis_zset")
    found = apply(*map(explicit, times), source="postgres")
    assert found == {K2: 100 + 6}, "those of the last five minutes count twice"
    assert apply(explicit(T - 1), explicit(times[-1] + 1), source="postgres") == {K2: 108}


def test_the_one_source_of_duration_events_overrides_the_setting_and_what_others_have_sent() -> None:
    switched = CallSelection()
    fold_of(switched)(explicit())
    saved = switched.take_unsaved()
    for which in ("auto", "events", "duration"):
        selection = CallSelection(which, only_source="redis_zset")  # type: ignore[arg-type]
        selection.restore(*next(iter(saved.items())))
        apply = fold_of(selection, {"duration": "redis_zset"})
        assert apply(explicit(), source="http") == {}
        assert apply(derived(), derived(), source="redis_zset") == {K2: 2}
        assert apply(derived(), source="http") == {K2: 2}
        assert apply(explicit(), derived(), source="redis_zset") == {K2: 3}


def test_a_described_call_counts_where_its_connection_event_counts() -> None:
    apply = fold_of(authorities={"connection": "redis_zset"})
    assert apply(derived(), source="redis_zset") == {K2: 1}
    assert apply(ConnectionEvent("kimi", "receive", T), derived(), source="http") == {K2: 1}
    assert apply(explicit(), source="http") == {K2: 2}


def test_what_does_not_count_is_seen_and_counted_as_compared() -> None:
    recent = RecentEvents()
    fold = Fold(State(), {"connection": "redis_zset"}, recent=recent)
    fold.apply(Batch("redis_zset", [explicit(), derived()], received=T))
    fold.apply(Batch("http", [derived()], received=T))
    compared = fold.state.families[series.COMPARED.name].children
    assert {labels: child.value for labels, child in compared.items()} == {
        ("redis_zset", "duration"): 1,
        ("http", "duration"): 1,
    }
    assert [entry.outcome.value for entry in recent.after(0, 10).entries] == ["counted", "superseded", "compared"]


def test_the_switch_is_announced_once_for_each_model() -> None:
    announced: list[tuple[str, str]] = []
    apply = fold_of(CallSelection(announce=lambda model, source: announced.append((model, source))))
    apply(derived(), explicit(), explicit(model="kimi-k2-preview"), explicit(model="glm-4.6"))
    apply(explicit(), source="postgres")
    assert announced == [("kimi-k2-preview", "http"), ("glm-4.6", "http")]


def test_models_past_the_limit_share_what_is_known_of_them() -> None:
    apply = fold_of()
    apply(*[derived(model=f"m{number}-x") for number in range(MOST_MODELS)])
    found = apply(derived(model="late-a"), explicit(model="late-b"), derived(model="late-a"), derived(model="m0-x"))
    assert sum(found.values()) == MOST_MODELS + 3


def test_the_choice_is_saved_with_the_counts(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    fold = Fold(State())
    fold.apply(Batch("redis_zset", [derived(T), derived(T + DAY, "glm-4.6"), derived(T, "glm-4.6")], received=T))
    fold.apply(Batch("http", [explicit()], received=T))
    store.execute("BEGIN")
    write(store, take(fold, {}, T))
    store.execute("COMMIT")
    assert not fold.selection.take_unsaved()
    again = Fold(State())
    restore(store, again)
    again.apply(Batch("redis_zset", [derived(T + 5), derived(T + DAY, "glm-4.6")], received=T))
    again.apply(Batch("postgres", [explicit(T + 60, "glm-4.6")], received=T))
    assert counted(again) == {K2: 2, "glm-4.6": 3}
    store.close()


def test_a_model_that_0_1_has_counted_has_switched(tmp_path: Path) -> None:
    (tmp_path / STORE).write_bytes(gzip.decompress(RECORDED.read_bytes()))
    with running(tmp_path) as exporter:
        before = exporter.value("gen_ai_client_operation_duration_seconds_count")
        assert before == 1, "of the model kimi-k2"
        described = [canonical({**CALL, "metadata": {"model": model}}) for model in ("kimi-k2", "kimi-k2-0905", "glm")]
        exporter.push(described)
        assert exporter.value("gen_ai_client_operation_duration_seconds_count") == before + 1
        assert exporter.value("gen_ai_client_operation_duration_seconds_count", gen_ai_request_model="glm") == 1
    with running(tmp_path) as exporter:
        exporter.push([*described, minimal("duration")])
        assert exporter.value("gen_ai_client_operation_duration_seconds_count", gen_ai_request_model="glm") == 2
        assert exporter.value("gen_ai_client_operation_duration_seconds_count") == before + 3


def test_a_model_that_0_2_has_counted_by_its_events_has_not(tmp_path: Path) -> None:
    for expected in (1, 2):
        with running(tmp_path) as exporter:
            exporter.push([canonical(CALL)])
            assert exporter.value("gen_ai_client_operation_duration_seconds_count") == expected
    with sqlite3.connect(tmp_path / STORE) as store:
        assert store.execute("SELECT model FROM selected").fetchall() == [("kimi-k2-preview",)]
    store.close()
