"""The ids of conversations are hashed when they are decoded, alike from every source."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import recordings
from exporter.decode.canonical import decode
from exporter.decode.gateway import decode_member
from exporter.decode.postgres_rows import decode_row
from exporter.pseudonyms import pseudonym
from tests.core.examples import T, minimal

PLAIN = "3f1c9f0e-7a34-4f5e-9d55-0a51c6a3c9f1"
HASHED = "sha256:31058883fef50c44789f75334ef7cf90"
NOW = T + 60
CALL = {"connection_type": "kimi", "direction": "receive", "timestamp": T, "response_time_ms": 5}


def in_metadata(name: str) -> dict[str, Any]:
    return {**CALL, "metadata": {"model": "kimi-k2", name: PLAIN}}


def row(kind: str, data: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "timestamp": T, "data": data, "event_id": "row"}).encode()


def conversations(events: Iterable[Any]) -> list[str]:
    named = (getattr(event, "conversation_id", None) for event in events)
    return [conversation for conversation in named if conversation is not None]


def test_the_hash_of_an_id_stays_the_same() -> None:
    assert pseudonym(PLAIN) == HASHED


@given(plain=st.text())
def test_a_hash_is_not_hashed_again(plain: str) -> None:
    assert pseudonym(pseudonym(plain)) == pseudonym(plain)


@pytest.mark.parametrize("like", ["sha256:", HASHED.upper(), HASHED[:-1], f"{HASHED}0", f"{HASHED}\n"])
def test_what_only_looks_like_a_hash_is_hashed(like: str) -> None:
    assert pseudonym(like) not in (like, HASHED)


@pytest.mark.parametrize("ndjson", [False, True])
@pytest.mark.parametrize("with_bad_neighbour", [False, True])
def test_pushed_ids_are_hashed(ndjson: bool, with_bad_neighbour: bool) -> None:
    events = [minimal(kind, conversation_id=PLAIN) for kind in ("trace", "duration")]
    bodies = [json.dumps(event) for event in [*events, *([{"kind": "none"}] if with_bad_neighbour else [])]]
    body = "\n".join(bodies) if ndjson else f"[{','.join(bodies)}]"
    assert conversations(decode(body.encode(), NOW, ndjson=ndjson).events) == [HASHED, HASHED]


@pytest.mark.parametrize("name", ["conversation_id", "continuation_id", "session_id"])
def test_the_ids_of_a_gateway_are_hashed_alike_from_every_source(name: str) -> None:
    event = in_metadata(name)
    line = {"key": "connection_monitor:kimi:events", "score": T, "member": json.dumps(event)}
    assert conversations(decode(json.dumps(event).encode(), NOW).events) == [HASHED]
    assert conversations(decode_member(json.dumps(event).encode(), NOW).events) == [HASHED]
    assert conversations(decode_row("monitoring.metrics_raw", row("connection_event", event), NOW)) == [HASHED]
    assert conversations(recordings.events_of([json.dumps(line).encode()], lambda: NOW)) == [HASHED]


@pytest.mark.parametrize("kind", ["trace", "duration"])
def test_the_ids_of_canonical_events_in_rows_are_hashed(kind: str) -> None:
    data = {name: value for name, value in minimal(kind, conversation_id=PLAIN).items() if name != "kind"}
    assert conversations(decode_row("monitoring.monitoring_events", row(kind, data), NOW)) == [HASHED]


def test_an_id_is_hashed_whole_however_long_it_is() -> None:
    event = {**CALL, "metadata": {"model": "kimi-k2", "session_id": PLAIN * 20}}
    trace = minimal("trace", conversation_id=PLAIN * 20)
    assert conversations(decode(json.dumps([event, trace]).encode(), NOW).events) == [pseudonym(PLAIN * 20)] * 2


def test_a_cache_key_is_dropped() -> None:
    (event,) = decode(json.dumps(minimal("cache", cache_key="thread:42")).encode(), NOW).events
    assert "thread:42" not in repr(event)
