"""Whatever an application hands over, ConnectionMonitor raises nothing, and the exporter can read what comes out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.client import ConnectionMonitor
from exporter.client.ledger import MOST_TYPES
from exporter.client.monitor_settings import MonitorSettings, settings_from
from exporter.client.recorded import Recorded
from exporter.decode.canonical import decode
from exporter.decode.gateway import decode_member
from tests.client.odd import ANYTHING, MAKERS, Evil, holding_itself
from tests.servers import free_port


@pytest.fixture(scope="module")
def monitor() -> Iterator[ConnectionMonitor]:
    """One that keeps everything in memory."""
    monitor = ConnectionMonitor("")
    yield monitor
    monitor.shutdown(0.1)


def newest(monitor: ConnectionMonitor) -> Recorded:
    with monitor._arrivals.settled() as ledger:
        return ledger.last[-1]


def assert_readable(event: Recorded) -> None:
    """The exporter takes the event, both ways."""
    decode_member(json.dumps(event.member()).encode(), time.time())
    assert not decode(json.dumps(event.canonical(), allow_nan=False).encode(), time.time()).rejections


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(*([ANYTHING] * 8)))
def test_any_event_is_recorded_and_readable(monitor: ConnectionMonitor, given: Any) -> None:
    before = newest_number(monitor)
    monitor.record_event(*given)
    assert newest_number(monitor) == before + 1
    if newest(monitor).direction != "duration_recorded":
        assert_readable(newest(monitor))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(*([ANYTHING] * 5)))
def test_any_duration_is_recorded_and_readable(monitor: ConnectionMonitor, given: Any) -> None:
    before = newest_number(monitor)
    monitor.record_duration(*given)
    assert newest_number(monitor) == before + 1
    assert_readable(newest(monitor))


def newest_number(monitor: ConnectionMonitor) -> int:
    """How many events were taken so far."""
    with monitor._arrivals.settled() as ledger:
        return ledger._taken


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANYTHING, ANYTHING)
def test_any_question_is_answered(monitor: ConnectionMonitor, one: Any, other: Any) -> None:
    monitor.increment_active_connections(one)
    monitor.decrement_active_connections(other)
    assert isinstance(monitor.get_stats(one), dict)
    assert isinstance(monitor.get_recent_events(one, other), list)
    assert isinstance(monitor.get_historical_data(one, other), list)
    assert isinstance(monitor.get_time_series_data(one, other, other), dict)
    assert monitor.get_summary()["buffer_size"] == 10_000


@settings(max_examples=100, deadline=None)
@given(ANYTHING, ANYTHING, ANYTHING)
def test_a_monitor_that_is_made_of_anything_works(one: Any, other: Any, token: Any) -> None:
    monitor = ConnectionMonitor(one, other, token)
    monitor.record_event("kimi", "send", "s", "f", 1)
    assert monitor.get_stats("kimi")["total_events"] == 1
    monitor.shutdown(0)


@pytest.mark.parametrize("number", ["1e300", "1e306", "inf", "nan", "-1", "0", "ten", "\ud800"])
def test_a_number_of_the_environment_that_cannot_be_used_leaves_its_default(number: str) -> None:
    names = ("REDIS_BATCH_SIZE", "REDIS_FLUSH_INTERVAL", "REDIS_QUEUE_SIZE", "REDIS_RETENTION_HOURS")
    assert settings_from(dict.fromkeys(names, number)) == MonitorSettings()


@pytest.mark.parametrize("make", MAKERS)
def test_what_is_odd_everywhere_waits_for_redis_like_any_other(make: Callable[[], Any]) -> None:
    monitor = ConnectionMonitor(f"redis://127.0.0.1:{free_port()}/0")
    monitor.record_event(*[make() for _ in range(8)])
    assert_readable(newest(monitor))
    monitor.record_duration(*[make() for _ in range(6)])
    assert_readable(newest(monitor))
    summary = monitor.get_summary()
    assert (summary["redis_queue_size"], summary["dropped_events"]) == (2, 0)
    monitor.shutdown(0.1)


def test_an_export_to_no_path_is_logged(
    monitor: ConnectionMonitor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monitor.export_json(str(tmp_path / "no such directory" / "export.json"))
    monitor.export_json(Evil())  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_metadata_that_holds_itself_comes_to_an_end(monitor: ConnectionMonitor) -> None:
    monitor.record_event("kimi", "send", "s", "f", 1, metadata=holding_itself())
    assert len(json.dumps(newest(monitor).metadata)) < 100_000


def test_types_without_end_share_one() -> None:
    monitor = ConnectionMonitor("")
    for number in range(MOST_TYPES + 500):
        monitor.record_event(f"type {number}", "send", "s", "f", 1)
        monitor.increment_active_connections(f"type {number}")
    stats = monitor.get_stats()
    assert len(stats) == MOST_TYPES + 1
    assert stats["other"]["total_events"] == 500
    assert len(monitor.get_summary()["active_connections"]) <= MOST_TYPES + 1
    monitor.shutdown()
