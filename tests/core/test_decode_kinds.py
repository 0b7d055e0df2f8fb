"""Every kind of event decodes, with nothing but what is required and with every field."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from exporter.decode.canonical import decode
from exporter.events import KINDS as WORDS
from exporter.events import Reading
from exporter.gauge_values import BY_SUBJECT
from exporter.pseudonyms import pseudonym
from tests.core import examples
from tests.core.examples import KINDS, NOW, READINGS, full, gauge, minimal

NOT_KEPT = ("new_field", "metadata", "cache_key")


def only(event: dict[str, Any]) -> Any:
    """The one event that it decodes to."""
    found = decode(json.dumps(event).encode(), NOW)
    assert not found.rejections
    (decoded,) = found.events
    return decoded


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", [minimal, full])
def test_an_event_of_each_kind_decodes(kind: str, form: Any) -> None:
    assert WORDS[type(only(form(kind)))] == kind


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "gauge"])
def test_every_field_of_an_event_arrives(kind: str) -> None:
    decoded = msgspec.to_builtins(only(full(kind)))
    given = {field: value for field, value in full(kind).items() if field not in NOT_KEPT}
    if "conversation_id" in given:
        given["conversation_id"] = pseudonym(given["conversation_id"])
    assert {field: decoded[field] for field in given} == given


@pytest.mark.parametrize("kind", KINDS)
def test_each_required_field_is_named_when_it_is_missing(kind: str) -> None:
    for field in examples.MINIMAL[kind]:
        event = minimal(kind)
        del event[field]
        found = decode(json.dumps([minimal(kind), event]).encode(), NOW)
        assert len(found.events) == 1
        assert [(r.index, r.field, r.reason) for r in found.rejections] == [(1, field, "missing_field")]


def test_an_event_without_a_kind_is_a_connection() -> None:
    assert WORDS[type(only(examples.MINIMAL["connection"]))] == "connection"


@pytest.mark.parametrize("ndjson", [False, True])
def test_events_without_a_kind_stand_beside_events_with_one(ndjson: bool) -> None:
    events = [examples.MINIMAL["connection"], minimal("cache"), examples.MINIMAL["connection"], minimal("connection")]
    lines = [json.dumps(event) for event in events]
    body = "\n".join(lines) if ndjson else f"[{','.join(lines)}]"
    found = decode(body.encode(), NOW, ndjson=ndjson)
    assert [WORDS[type(event)] for event in found.events] == ["connection", "cache", "connection", "connection"]


@pytest.mark.parametrize("subject", READINGS)
def test_the_values_of_each_subject_decode(subject: str) -> None:
    reading = only(gauge(subject, READINGS[subject]))
    assert isinstance(reading, Reading)
    assert isinstance(reading.values, BY_SUBJECT[subject])
    assert reading.values != BY_SUBJECT[subject]()


def test_each_port_of_a_websocket_reading_is_kept() -> None:
    ports = {"8079": {"current_ping_ms": 1.0}, "8080": {"current_ping_ms": 2.0}}
    values: Any = only(gauge("websocket", ports)).values
    assert {port: health.current_ping_ms for port, health in values.ports.items()} == {"8079": 1.0, "8080": 2.0}


@pytest.mark.parametrize("subject", READINGS)
def test_an_unknown_value_of_a_subject_is_no_reason_to_reject_it(subject: str) -> None:
    only(gauge(subject, {"invented_tomorrow": 3}))


def test_an_empty_batch_is_no_mistake() -> None:
    assert decode(b"[]", NOW).events == []
    assert decode(b"\n \n", NOW, ndjson=True).events == []


def test_blank_lines_between_events_do_not_count() -> None:
    lines = [json.dumps(minimal("cache")), "", "{}", "\r", json.dumps(minimal("http"))]
    found = decode("\n".join(lines).encode(), NOW, ndjson=True)
    assert len(found.events) == 2
    assert [rejection.index for rejection in found.rejections] == [1]
