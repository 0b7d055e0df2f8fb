"""A connection event whose metadata names a model and that has a response time is a model call as well."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
import pytest

from exporter import recordings
from exporter.decode.canonical import decode
from exporter.decode.gateway import decode_member
from exporter.decode.postgres_rows import decode_row
from exporter.events import ConnectionEvent, DurationEvent, Event
from exporter.pseudonyms import pseudonym
from tests.core.examples import NOW, T
from tests.core.harness import running
from tests.servers import ROOT

OWN_CALLS = [json.loads(line) for line in (ROOT / "tests/data/own_calls_redis.jsonl").read_text().splitlines()]
WRITTEN_AT = max(line["score"] for line in OWN_CALLS)

CALL: dict[str, Any] = {
    "connection_type": "kimi", "direction": "receive", "timestamp": T, "script": "kimi_chat",
    "function": "kimi_chat.chat_completions_create", "data_size_bytes": 5000, "response_time_ms": 5400.0, "error": None,
    "metadata": {
        "model": "kimi-k2-0905-preview", "tokens": 1830, "cache_hit": False, "finish_reason": "stop",
        "continuation_id": "c-0", "timestamp": "2026-12-01 03:20:55 AEDT",
    },
}  # fmt: skip
"""A member of a sorted set, as the gateway's Kimi provider writes it."""


def call(**changed: Any) -> dict[str, Any]:
    """The member, and what the test changes of it."""
    return {**CALL, **changed}


def with_metadata(**changed: Any) -> dict[str, Any]:
    return call(metadata={**CALL["metadata"], **changed})


def canonical(member: dict[str, Any]) -> dict[str, Any]:
    """The member as an application pushes it."""
    names = {"script": "script_name", "function": "function_name"}
    return {names.get(name, name): value for name, value in member.items()}


def from_member(member: dict[str, Any]) -> list[Event]:
    return list(decode_member(json.dumps(member).encode(), NOW).events)


def from_push(member: dict[str, Any]) -> list[Event]:
    """Decode the member as a push or an entry of a stream."""
    found = decode(json.dumps(canonical(member)).encode(), NOW)
    assert not found.rejections
    return list(found.events)


def from_lines(member: dict[str, Any]) -> list[Event]:
    """Decode the member as one line of several, of which one is bad."""
    other = {"connection_type": "redis", "direction": "send", "timestamp": T - 1, "metadata": {"key": "thread:0"}}
    body = b"\n".join(json.dumps(each).encode() for each in (other, canonical(member), {"connection_type": 3}))
    return [event for event in decode(body, NOW, ndjson=True).events if event.timestamp == T]


def from_replay(member: dict[str, Any]) -> list[Event]:
    """Decode the member as `replay` pushes it from a recording."""
    line = json.dumps({"key": "connection_monitor:kimi:events", "score": T, "member": json.dumps(member)})
    return list(recordings.events_of([line.encode()], lambda: NOW))


def from_row(member: dict[str, Any]) -> list[Event]:
    """Decode the member as a row of `monitoring_events`, without the ids that rows have."""
    row = {"type": "connection_event", "timestamp": T, "source": None, "data": member, "event_id": "row"}
    events = list(decode_row("monitoring.monitoring_events", json.dumps(row).encode(), NOW))
    for event in events:
        event.event_id = None
    return events


SOURCES = (from_member, from_push, from_lines, from_replay, from_row)


@pytest.mark.parametrize("read", SOURCES)
def test_every_source_decodes_the_call_alike(read: Any) -> None:
    connection, found = read(CALL)
    assert connection == ConnectionEvent(
        "kimi", "receive", T, "kimi_chat", "kimi_chat.chat_completions_create", 5000, 5400.0
    )
    assert found == DurationEvent(
        model="kimi-k2-0905-preview", duration_ms=5400.0, timestamp=T, provider="kimi", total_tokens=1830,
        finish_reason="stop", cache_hit=False, conversation_id=pseudonym("c-0"), derived=True,
        connection_type="kimi", script_name="kimi_chat", function_name="kimi_chat.chat_completions_create",
    )  # fmt: skip


@pytest.mark.parametrize("read", SOURCES)
@pytest.mark.parametrize(
    "member",
    [
        call(response_time_ms=None), call(metadata=None), call(metadata={}), with_metadata(model=""),
        with_metadata(model=None), with_metadata(model=3), with_metadata(model=["kimi-k2"]),
    ],
)  # fmt: skip
def test_without_a_model_or_a_response_time_it_is_none(read: Any, member: dict[str, Any]) -> None:
    (connection,) = read(member)
    assert isinstance(connection, ConnectionEvent)


@pytest.mark.parametrize("read", SOURCES)
@pytest.mark.parametrize(
    ("told", "tokens"),
    [
        ({"tokens": 0}, (None, None, None)),
        ({"tokens": "many"}, (None, None, None)),
        ({"tokens": -3}, (None, None, None)),
        ({"tokens": True}, (None, None, None)),
        ({"tokens": 2**60}, (None, None, None)),
        ({"tokens": 7.0}, (None, None, 7)),
        ({"tokens": 0, "prompt_tokens": 5, "completion_tokens": 2}, (5, 2, None)),
        ({"total_tokens": 9}, (None, None, 9)),
        ({"prompt_tokens": 5, "total_tokens": 9}, (5, None, None)),
    ],
)
def test_tokens_of_0_or_of_another_type_are_unknown(
    read: Any, told: dict[str, Any], tokens: tuple[int | None, ...]
) -> None:
    found = read(with_metadata(**told))[1]
    assert (found.prompt_tokens, found.completion_tokens, found.total_tokens) == tokens


@pytest.mark.parametrize("read", SOURCES)
@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"direction": "error"}, "error"),
        ({"error": "Error code: 429 - {'error': {'message': 'rate limit'}}"}, "error"),
        ({"direction": "rate_limit"}, "error"),
        ({"direction": "error", "error": "Request timed out."}, "timeout"),
        ({"direction": "success"}, "ok"),
    ],
)
def test_the_outcome_is_that_of_the_connection(read: Any, changed: dict[str, Any], outcome: str) -> None:
    assert read(call(**changed))[1].outcome == outcome


@pytest.mark.parametrize(
    ("connection_type", "model", "provider"),
    [("openai", "gpt-4o", "openai"), ("websocket", "glm-4.6", "glm"), ("redis", "gpt-4o", "unknown")],
)
def test_the_provider_is_the_connection_type_where_that_is_one(connection_type: str, model: str, provider: str) -> None:
    found = from_member({**with_metadata(model=model), "connection_type": connection_type})[1]
    assert isinstance(found, DurationEvent)
    assert found.provider == provider


def test_a_pushed_call_is_named_after_its_event() -> None:
    connection, found = from_push(call(event_id="e-1"))
    assert (connection.event_id, found.event_id) == ("e-1", "e-1/call")


def test_the_reply_to_a_push_counts_what_was_sent(tmp_path: Any) -> None:
    with running(tmp_path) as exporter:
        reply = exporter.push([canonical(CALL), canonical(CALL), {"connection_type": 3}]).get_json()
        assert (reply["accepted"], reply["rejected"]) == (2, 1)
        assert exporter.value("exai_connection_events_total") == 2
        assert exporter.value("gen_ai_client_operation_duration_seconds_count") == 2


def test_a_pushed_duration_recorded_is_no_call_for_its_sender_pushes_the_call_too() -> None:
    assert len(from_push(call(direction="duration_recorded"))) == 1
    assert from_member(call(direction="duration_recorded"))[1].derived is None  # type: ignore[union-attr]


def test_no_event_keeps_its_metadata() -> None:
    assert b"c-0" not in msgspec.json.encode(from_push(CALL)[0])


def test_the_recorded_gateway_has_made_61_calls() -> None:
    found: Counter[tuple[str, str, int | None]] = Counter()
    for line in OWN_CALLS:
        for event in decode_member(line["member"].encode(), WRITTEN_AT).events[1:]:
            assert isinstance(event, DurationEvent)
            assert event.derived
            found[event.model, event.outcome, event.total_tokens] += 1
    models = Counter[tuple[str, str]]()
    for (model, outcome, _), count in found.items():
        models[model, outcome] += count
    assert models == {
        ("glm-4.6", "ok"): 20,
        ("kimi-k2-0905-preview", "ok"): 20,
        ("kimi-k2-0905-preview", "error"): 1,
        ("kimi-k2-turbo-preview", "ok"): 20,
    }
    assert found["glm-4.6", "ok", None] == 20


@pytest.mark.parametrize("read", SOURCES)
def test_a_failed_call_keeps_the_error_of_its_event(read: Any) -> None:
    told = with_metadata(error_type="RateLimitError", error_message="Error code: 429 - {}")
    found = read({**told, "direction": "error", "error": "failed"})[1]
    assert (found.error_type, found.error) == ("RateLimitError", "Error code: 429 - {}")
