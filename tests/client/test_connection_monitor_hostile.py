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
from exporter.client.recorded import Recorded
from exporter.decode.canonical import decode
from exporter.decode.gateway import decode_member
from tests.servers import free_port


class Evil:
    """Answers every question with an exception."""

    def _raise(self, *_: object) -> Any:
        raise RuntimeError("evil")

    __class__ = property(_raise)
    __str__ = __bool__ = __int__ = __float__ = __iter__ = __len__ = __eq__ = __hash__ = _raise


class EvilError(Exception):
    """An exception that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("evil")


class EvilMapping(dict[str, Any]):
    """A mapping that cannot be copied."""

    def items(self) -> Any:
        raise RuntimeError("evil")

    keys = __iter__ = items


def holding_itself() -> dict[str, Any]:
    found: dict[str, Any] = {}
    found.update({"a": found, "b": [found, found]})
    return found


MAKERS: list[Callable[[], Any]] = [
    Evil, EvilError, lambda: EvilMapping(a=1), holding_itself, lambda: 10**5000, lambda: object, lambda: "\ud800"
]  # fmt: skip
ODD = st.integers(0, len(MAKERS) - 1).map(lambda number: MAKERS[number]())
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.binary(), st.complex_numbers(), st.text(),
    st.text(alphabet=st.characters(categories=["Cs", "Cc"])), st.datetimes(), ODD,
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=10,
)


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
