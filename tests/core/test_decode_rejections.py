"""A bad event is rejected with its place, field and reason, and its neighbours count."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.decode.canonical import decode
from exporter.types import Refused
from tests.core.examples import NOW, T, full, gauge, minimal

GOOD = json.dumps(minimal("connection")).encode()
YEAR_2100 = 4_102_444_800


def text(event: dict[str, Any]) -> bytes:
    """The event as JSON; NaN and infinities as Python's json writes them."""
    return json.dumps(event).encode()


def connection(field: str, value: bytes) -> bytes:
    """A connection event with a raw JSON value."""
    return text(minimal("connection"))[:-1] + b', "' + field.encode() + b'": ' + value + b"}"


def trace(**changed: Any) -> bytes:
    return text(full("trace", **changed))


BAD: dict[str, tuple[bytes, str, str]] = {
    "not JSON": (b"{nope}", "", "malformed"),
    "no object": (b"[]", "", "wrong_type"),
    "null": (b"null", "", "wrong_type"),
    "a number": (b"12", "", "wrong_type"),
    "an unknown kind": (b'{"kind": "poem"}', "kind", "unknown_kind"),
    "a kind that is no word": (b'{"kind": 3}', "kind", "wrong_type"),
    "an empty object": (b"{}", "connection_type", "missing_field"),
    "text for a size": (connection("data_size_bytes", b'"12"'), "data_size_bytes", "wrong_type"),
    "a boolean for a size": (connection("data_size_bytes", b"true"), "data_size_bytes", "wrong_type"),
    "a part of a byte": (connection("data_size_bytes", b"1.5"), "data_size_bytes", "wrong_type"),
    "a negative size": (connection("data_size_bytes", b"-1"), "data_size_bytes", "out_of_range"),
    "an integer of 400 digits": (connection("data_size_bytes", b"9" * 400), "data_size_bytes", "out_of_range"),
    "a size past 2**53": (connection("data_size_bytes", b"9007199254740993"), "data_size_bytes", "out_of_range"),
    "a time of 400 digits": (connection("response_time_ms", b"9" * 400), "response_time_ms", "out_of_range"),
    "a negative time": (connection("response_time_ms", b"-0.5"), "response_time_ms", "out_of_range"),
    "1e999": (connection("response_time_ms", b"1e999"), "response_time_ms", "out_of_range"),
    "NaN": (connection("response_time_ms", b"NaN"), "", "malformed"),
    "infinity": (connection("response_time_ms", b"Infinity"), "", "malformed"),
    "minus infinity": (connection("response_time_ms", b"-Infinity"), "", "malformed"),
    "a list for an error": (connection("error", b"[]"), "error", "wrong_type"),
    "metadata that is no object": (connection("metadata", b"[1]"), "metadata", "wrong_type"),
    "10,000-deep nesting": (connection("extra", b"[" * 10_000 + b"]" * 10_000), "", "too_deep"),
    "invalid UTF-8": (connection("script_name", b'"\xff\xfe"'), "", "encoding"),
    "a lone surrogate": (connection("script_name", b'"\\ud800"'), "", "malformed"),
    "a raw newline in a text": (connection("script_name", b'"a\nb"'), "", "malformed"),
    "a time of 1970": (text(minimal("connection", timestamp=12)), "timestamp", "out_of_range"),
    "a time of 2100": (text(minimal("connection", timestamp=YEAR_2100)), "timestamp", "out_of_range"),
    "a time of the day after tomorrow": (text(minimal("http", timestamp=NOW + 86_401)), "timestamp", "out_of_range"),
    "a time in ISO-8601": (text(minimal("connection", timestamp="2024-01-01")), "timestamp", "wrong_type"),
    "an unknown operation": (text(minimal("cache", operation="poke")), "operation", "unknown_value"),
    "a similarity past 1": (text(minimal("cache", similarity=1.01)), "similarity", "out_of_range"),
    "an unknown outcome": (text(minimal("duration", outcome="late")), "outcome", "unknown_value"),
    "an HTTP status of 99": (text(minimal("http", status=99)), "status", "out_of_range"),
    "a call before the first": (text(full("trace", call_index=0)), "call_index", "out_of_range"),
    "an unknown layer": (
        trace(spans=[{"layer": "x", "start_time": T, "end_time": T}]), "spans[0].layer", "unknown_value",
    ),
    "a span without an end": (trace(spans=[{"layer": "tool", "start_time": T}]), "spans[0].end_time", "missing_field"),
    "a trace that ends before it begins": (trace(end_time=T - 1), "end_time", "out_of_range"),
    "a span that ends before it begins": (
        trace(spans=[{"layer": "tool", "start_time": T, "end_time": T - 1}]), "spans[0].end_time", "out_of_range",
    ),
    "a span of the year 2100": (
        trace(spans=[{"layer": "tool", "start_time": T, "end_time": YEAR_2100}]), "spans[0].end_time", "out_of_range",
    ),
    "an unknown subject": (text(gauge("weather", {})), "subject", "unknown_value"),
    "values that are no object": (text(minimal("gauge", values=3)), "values", "wrong_type"),
    "a negative level": (text(gauge("session", {"active_sessions": -1})), "values.active_sessions", "out_of_range"),
    "a negative slot": (
        text(gauge("semaphore", {"ports": {"80": {"limit": -1}}})), "values.ports[...].limit", "out_of_range",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_event_is_named_and_its_neighbours_count(name: str) -> None:
    item, field, reason = BAD[name]
    found = decode(b"[" + GOOD + b"," + item + b", " + GOOD + b"]", NOW)
    assert len(found.events) == 2
    assert [(r.index, r.field, r.reason) for r in found.rejections] == [(1, field, reason)]
    assert found.rejections[0].message
    assert found.rejections[0].item[:1] == item[:1]


@pytest.mark.parametrize("name", [name for name, (item, _, _) in BAD.items() if b"\n" not in item])
def test_a_bad_line_is_named_and_its_neighbours_count(name: str) -> None:
    item, field, reason = BAD[name]
    found = decode(b"\n".join((GOOD, item, GOOD)), NOW, ndjson=True)
    assert len(found.events) == 2
    assert [(r.index, r.field, r.reason) for r in found.rejections] == [(1, field, reason)]


@pytest.mark.parametrize("name", [name for name, (item, _, _) in BAD.items() if item.startswith(b"{")])
def test_a_bad_event_that_comes_alone_is_named_too(name: str) -> None:
    item, field, reason = BAD[name]
    found = decode(item, NOW)
    assert not found.events
    assert [(r.index, r.field, r.reason) for r in found.rejections] == [(0, field, reason)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"3",
        b"null",
        b'"text"',
        b"[",
        b"]",
        b"[{}",
        b"[{}]]",
        b"[{}] x",
        b"[{]}",
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_not_json_is_refused_whole(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        decode(body, NOW)
    assert refused.value.reason == "malformed"


@pytest.mark.parametrize("ndjson", [False, True])
def test_a_batch_of_too_many_events_is_refused_whole(ndjson: bool) -> None:
    body = b"\n".join([GOOD] * 11) if ndjson else b"[" + b",".join([GOOD] * 11) + b"]"
    with pytest.raises(Refused) as refused:
        decode(body, NOW, ndjson=ndjson, most=10)
    assert refused.value.reason == "too_many"
    assert len(decode(body, NOW, ndjson=ndjson, most=11).events) == 11


def test_a_message_about_a_long_value_is_short() -> None:
    found = decode(text(minimal("cache", operation="x" * 100_000)), NOW)
    assert len(found.rejections[0].message) < 1000


def test_recorded_data_stays_valid_as_it_ages_and_tomorrow_is_near_enough() -> None:
    events = [minimal("connection", timestamp=moment) for moment in (1_420_070_400, NOW, NOW + 86_000)]
    assert len(decode(json.dumps(events).encode(), NOW).events) == 3
