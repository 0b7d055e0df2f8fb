"""Levels are the newest that was said, per instance; running totals become counters; silence retracts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import conventions as series
from exporter.conventions import Combine
from exporter.fold.apply import Fold
from exporter.fold.gauges import MOST_INSTANCES, Totals, expire
from exporter.fold.state import State
from tests.core.examples import NOW, READINGS, SOCKET_EXPORT, T, gauge, minimal
from tests.core.harness import folded, shown, total, view
from tests.core.harness import samples as parsed


def session(value: int, at: float = T, instance: str = "gw1") -> dict[str, Any]:
    return gauge("session", {"active_sessions": value}, instance, at)


def level(fold: Fold, family: series.Family = series.SESSIONS_ACTIVE, *labels: str) -> float:
    return float(fold.state.families[family.name].children[labels].value)


@given(st.permutations([1, 2, 3, 4]))
def test_the_newest_reading_counts_in_whatever_order_they_come(order: list[int]) -> None:
    fold = Fold(State())
    for number in order:
        folded([session(number, T + number)], fold)
    assert level(fold) == 4


def test_instances_add_up_or_the_highest_counts_as_the_family_says() -> None:
    def context(used: int, instance: str) -> dict[str, Any]:
        return gauge("session", {"active_sessions": used, "context_tokens_used": used}, instance)

    fold = folded([context(3, "gw1"), context(5, "gw2")])
    assert series.SESSIONS_ACTIVE.combine is Combine.SUM
    assert level(fold) == 8
    assert level(fold, series.SESSION_CONTEXT) == 5


def test_an_instance_that_falls_silent_is_retracted_and_the_others_stay() -> None:
    fold = folded([session(3, instance="gw1")], received=NOW)
    folded([session(5, instance="gw2")], fold, received=NOW + 200)
    expire(fold.state, NOW + 100)
    assert level(fold) == 5
    expire(fold.state, NOW + 300)
    assert not fold.state.families[series.SESSIONS_ACTIVE.name].children


def test_a_retracted_gauge_is_gone_from_the_exposition_and_comes_back_when_it_speaks() -> None:
    fold = folded([session(3)], received=NOW)
    assert "exai_sessions_active 3" in shown(fold.state)
    expire(fold.state, NOW + 1)
    assert "exai_sessions_active" not in shown(fold.state)
    folded([session(7, T - 50)], fold, received=NOW + 2)
    assert "exai_sessions_active 7" in shown(fold.state)


def test_counters_and_the_last_event_are_never_retracted() -> None:
    fold = folded([minimal("connection"), minimal("cache")], received=NOW)
    before = view(fold.state)
    expire(fold.state, NOW + 10_000)
    assert view(fold.state) == before


def test_instances_past_the_most_share_one_reading() -> None:
    fold = folded([session(1, instance=f"gw{number}") for number in range(MOST_INSTANCES + 500)])
    gauge_child: Any = fold.state.families[series.SESSIONS_ACTIVE.name].children[()]
    assert len(gauge_child.readings) <= MOST_INSTANCES + 1
    assert level(fold) == MOST_INSTANCES + 1


def test_the_name_of_an_instance_takes_bounded_memory() -> None:
    fold = folded([session(1, instance=str(number) * 10_000) for number in range(10)])
    folded([gauge("websocket", {"p" * 10_000: {"current_ping_ms": 1.0, "reconnection_count": 2}})], fold)
    for held in fold.state.families.values():
        for child in held.children.values():
            assert all(len(instance) < 1000 for instance in getattr(child, "readings", {}))
    assert all(len(reporter) < 1000 for reporter in fold.totals.known)


def test_a_pool_that_changes_its_name_every_day_does_not_use_a_labels_budget_up() -> None:
    fold = Fold(State())
    for day in range(100):
        folded([gauge("process", {"cpu_ratio": 0.5}, f"worker-{day}")], fold, received=NOW + day)
        expire(fold.state, NOW + day)
    assert list(fold.state.families[series.PROCESS_CPU.name].children) == [("worker-99",)]


def reconnections(fold: Fold) -> float:
    return level(fold, series.WS_RECONNECTIONS)


def test_only_the_rise_of_a_running_total_is_counted() -> None:
    fold = Fold(State())
    for step, running in enumerate([3, 3, 5, 2, 4]):
        folded([gauge("websocket", {"reconnection_count": running}, timestamp=T + step)], fold)
    assert reconnections(fold) == 3 + 0 + 2 + 2 + 2


def test_a_late_running_total_counts_nothing() -> None:
    fold = folded([gauge("websocket", {"reconnection_count": 9}, timestamp=T + 9)])
    folded([gauge("websocket", {"reconnection_count": 4}, timestamp=T)], fold)
    folded([gauge("websocket", {"reconnection_count": 10}, timestamp=T + 10)], fold)
    assert reconnections(fold) == 10


def test_ports_and_instances_count_their_totals_apart() -> None:
    ports = {"8079": {"reconnection_count": 3}, "8080": {"reconnection_count": 2}}
    fold = folded(
        [gauge("websocket", ports, "gw1"), gauge("websocket", ports, "gw2"), gauge("websocket", ports, "gw1")]
    )
    assert reconnections(fold) == 10


def test_reporters_that_come_and_go_never_stop_the_count() -> None:
    fold = Fold(State())
    for number in range(Totals.MOST + 10):
        fold.totals.rise(f"old/{number}", T + number, 1)
    assert fold.totals.rise("new", T + 2 * Totals.MOST, 5) == 5
    assert fold.totals.rise("new", T + 2 * Totals.MOST + 1, 7) == 2
    assert len(fold.totals.known) <= Totals.MOST


@given(st.lists(st.integers(0, 50), min_size=1))
def test_a_counter_made_of_totals_never_falls(running: list[int]) -> None:
    totals, counter = Totals(), 0.0
    for step, value in enumerate(running):
        rise = totals.rise("gw", T + step, value)
        assert rise >= 0
        counter += rise
    assert counter >= max(running)


EXPECTED = {
    "session": {"exai_sessions_active": 3, "exai_session_messages": 12, "exai_session_context_tokens": 900},
    "semaphore": {"exai_semaphore_leaks_total": 2, "exai_semaphore_slots": 2 + 5 + 1 + 4},
    "websocket": {
        "exai_websocket_uptime_seconds": 60.5, "exai_websocket_ping_seconds": 0.012, "exai_websocket_connected": 1,
        "exai_websocket_ping_p95_seconds": 0.02, "exai_websocket_timeout_warnings_total": 1,
    },
    "request": {"exai_requests_in_flight": 3},
    "process": {"exai_process_memory_bytes": 1000, "exai_process_disk_used_ratio": 0.25},
    "pool": {"exai_pool_connections": 5},
    "cache": {"exai_cache_entries": 5, "exai_cache_size_bytes": 5000},
    "redis": {"exai_redis_memory_bytes": 4096, "exai_redis_keys": 12},
    "connection": {"exai_connections_active": 7},
}  # fmt: skip


@pytest.mark.parametrize("subject", READINGS)
def test_each_subject_feeds_its_series_in_base_units(subject: str) -> None:
    found = parsed(shown(folded([gauge(subject, READINGS[subject])]).state))
    assert {name: total(found, name) for name in EXPECTED[subject]} == EXPECTED[subject]


def test_the_export_of_a_resilient_socket_feeds_its_series() -> None:
    found = parsed(shown(folded([gauge("websocket", SOCKET_EXPORT)]).state))
    expected = {
        "exai_websocket_connections_total": 9, "exai_websocket_connections_active": 2,
        "exai_websocket_reconnections_total": 4, "exai_websocket_messages_sent_total": 100,
        "exai_websocket_queue_limit_messages": 1000, "exai_websocket_retry_failures_total": 2,
        "exai_websocket_circuit_breaker_state": 1, "exai_websocket_send_average_seconds": 0.0125,
    }  # fmt: skip
    assert {name: total(found, name) for name in expected} == expected
