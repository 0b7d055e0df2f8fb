"""GET /api/v1/events/recent."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.recordings import Chunk
from exporter.replay import Pusher as ReplayPusher
from exporter.tailing.recent import RecentEndpoint
from exporter.tokens import Token
from tests.core.examples import KINDS, READINGS, SOCKET_EXPORT, T, full, gauge, minimal
from tests.core.harness import NDJSON, Running, Samples, running, total
from tests.core.harness import samples as parsed
from tests.servers import Server, exporter_server, wait_until

RECENT = "/api/v1/events/recent"
SECRET = "sk-abcdefghijklmnopqrstuvwx"


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as exporter:
        yield exporter


def recent(exporter: Running, **parameters: Any) -> Any:
    token = (exporter.app.settings.state_path / "admin-token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    reply = exporter.client.get(RECENT, query_string=parameters, headers=headers)
    return reply.get_json() if reply.status_code == 200 else (reply.status_code, reply.get_json())


def shown(exporter: Running) -> list[dict[str, Any]]:
    """The pushed events that are shown; the push is acknowledged before it is folded, a scrape waits for that."""
    exporter.samples()
    found: list[dict[str, Any]] = recent(exporter, limit=1000)["events"]
    return found


def test_a_counted_event_is_shown_with_its_labels(exporter: Running) -> None:
    exporter.push([minimal("duration", event_id="e")])
    (found,) = shown(exporter)
    assert found["received"] > T
    del found["received"]
    assert found == {
        "sequence": 1, "source": "http", "kind": "duration", "outcome": "counted",
        "labels": {
            "gen_ai_operation_name": "chat", "gen_ai_provider_name": "kimi", "gen_ai_request_model": "kimi-k2",
        },
        "event": {
            "kind": "duration", "model": "kimi-k2", "duration_ms": 1500.0, "timestamp": T, "outcome": "ok",
            "operation": "chat", "event_id": "e",
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("connection", "exai_connection_events_total"), ("cache", "exai_cache_operations_total"),
        ("duration", "gen_ai_client_operation_duration_seconds_count"), ("trace", "exai_requests_total"),
        ("http", "exai_http_requests_total"), ("prediction", "exai_model_predictions_total"),
    ],
)  # fmt: skip
def test_the_labels_are_those_of_the_series(exporter: Running, kind: str, name: str) -> None:
    exporter.push([full(kind)])
    labels = shown(exporter)[0]["labels"]
    assert [held for known, held in exporter.samples() if known == name] == [frozenset(labels.items())]


def test_each_outcome_is_shown(tmp_path: Path) -> None:
    with running(tmp_path, sources={"cache": "redis_stream"}) as exporter:
        twice = minimal("http", event_id="twice")
        exporter.push([twice, minimal("http"), twice, minimal("cache"), minimal("duration", model=7)])
        found = shown(exporter)
        assert [(each["outcome"], each.get("kind")) for each in found] == [
            ("rejected", None), ("counted", "http"), ("counted", "http"), ("duplicate", "http"), ("compared", "cache"),
        ]  # fmt: skip
        assert {key: found[0][key] for key in ("field", "reason")} == {"field": "model", "reason": "wrong_type"}
        assert json.loads(found[0]["item"])["model"] == 7


def test_an_event_that_cannot_be_folded_is_shown_as_failed(exporter: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(__import__("exporter.fold.apply").fold.apply._HANDLERS, _http_event(), broken)
    exporter.push([minimal("http")])
    assert [each["outcome"] for each in shown(exporter)] == ["failed"]
    assert exporter.value("exai_exporter_events_rejected_total", reason="internal") == 1


def _http_event() -> type:
    from exporter.events import HttpEvent

    return HttpEvent


def test_a_body_that_is_refused_as_a_whole_is_shown(exporter: Running) -> None:
    exporter.push(b"[1, 2")
    (found,) = shown(exporter)
    assert (found["outcome"], found["reason"], found["item"]) == ("rejected", "malformed", "[1, 2")


def secretly(value: Any) -> Any:
    """The value with a secret in every text that is not one of a few words."""
    words = ("kind", "subject", "direction", "operation", "outcome", "layer", "state", "status")
    if isinstance(value, dict):
        return {key: each if key in words else secretly(each) for key, each in value.items()}
    if isinstance(value, list):
        return [secretly(each) for each in value]
    return f"{value} {SECRET}" if isinstance(value, str) else value


@pytest.mark.parametrize("event", [*map(full, KINDS), *(gauge(name, READINGS[name]) for name in READINGS)], ids=str)
def test_no_text_of_an_event_shows_a_secret(exporter: Running, event: dict[str, Any]) -> None:
    assert (
        exporter.push([secretly(event), {**secretly(event), "timestamp": SECRET, "end_time": SECRET}]).status_code
        == 202
    )
    found = shown(exporter)
    assert [each["outcome"] for each in found] == ["rejected", "counted"]
    assert SECRET not in json.dumps(found)
    assert "***" in json.dumps(found)


def test_ids_that_are_masked_stay_different(exporter: Running) -> None:
    exporter.push([minimal("http", event_id=f"token={word}") for word in ("first-secret", "second-secret")])
    ids = {each["event"]["event_id"] for each in shown(exporter)}
    assert len(ids) == 2
    assert not any("secret" in each for each in ids)


def test_what_is_shown_can_be_pushed_again(tmp_path: Path) -> None:
    readings = [gauge(subject, values) for subject, values in READINGS.items()]
    events = [*map(minimal, KINDS), *map(full, KINDS), *readings, gauge("websocket", SOCKET_EXPORT, instance="socket")]
    with running(tmp_path / "one") as one, running(tmp_path / "other") as other:
        # An id counts once, whatever the kind.
        assert one.push([{**event, "event_id": f"{n}"} for n, event in enumerate(events)]).get_json()["rejected"] == 0
        again = "\n".join(json.dumps(each["event"]) for each in shown(one)).encode()
        assert other.push(again, {"Content-Type": NDJSON}).get_json()["rejected"] == 0
        assert comparable(other) == comparable(one)
        assert len(comparable(one)) > 300


def comparable(exporter: Running) -> dict[Any, float]:
    """The samples of what was folded, without those that are about the exporter's process."""
    return {
        key: value for key, value in exporter.samples().items()
        if key[0].startswith(("exai_", "gen_ai_")) and not key[0].startswith("exai_exporter_")
    }  # fmt: skip


def test_what_was_shown_does_not_come_again_after_a_kill(tmp_path: Path) -> None:
    config = tmp_path / "exai.yml"
    config.write_text("checkpoint_interval_s: 300\n")
    with exporter_server(tmp_path, {"EXAI_CONFIG": str(config)}) as server:
        endpoint = RecentEndpoint(server.url, Token((tmp_path / "state/admin-token").read_text().strip(), ""))
        ReplayPusher(server.url, Token("", "")).push(Chunk([json.dumps(minimal("http")).encode()], [1]))
        # A scrape makes a checkpoint: the next one by the clock comes in five minutes.
        assert total(samples(server), "exai_http_requests_total") == 1
        ReplayPusher(server.url, Token("", "")).push(Chunk([json.dumps(minimal("http", status=201)).encode()], [1]))
        wait_until(lambda: len(endpoint.fetch(0, "", 10).events) == 2, what="the event")
        server.kill()
        server.start()
        assert total(samples(server), "exai_http_requests_total") == 2
        assert endpoint.fetch(0, "", 10).newest == 0


def samples(server: Server) -> Samples:
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as reply:  # noqa: S310
        return parsed(reply.read().decode())


def test_a_reader_of_another_process_begins_anew(exporter: Running) -> None:
    exporter.push([minimal("http")])
    exporter.samples()
    first = recent(exporter)
    assert (first["next"], first["newest"], first["missed"]) == (1, 1, 0)
    assert recent(exporter, after=1, boot=first["boot"])["events"] == []
    assert len(recent(exporter, after=1, boot="another")["events"]) == 1


def test_a_response_is_bounded(exporter: Running) -> None:
    exporter.push([minimal("http")] * 300)
    exporter.samples()
    assert len(recent(exporter)["events"]) == 100
    assert recent(exporter, after=40, limit=7)["next"] == 47


def test_a_response_ends_where_it_becomes_large(exporter: Running) -> None:
    for _ in range(6):
        exporter.push([minimal("connection", error_traceback="x " * 20_000)] * 30)
    exporter.samples()
    found = recent(exporter, limit=1000)
    assert 90 < len(found["events"]) < 180
    assert found["next"] == len(found["events"])


@pytest.mark.parametrize("parameters", [{"after": -1}, {"after": "x"}, {"limit": 1001}, {"limit": ""}, {"sort": "up"}])
def test_a_wrong_parameter_is_named(exporter: Running, parameters: dict[str, Any]) -> None:
    status, answer = recent(exporter, **parameters)
    assert (status, answer["field"]) == (400, next(iter(parameters)))


@pytest.mark.parametrize("name", ["push-token", None])
def test_only_the_admin_token_shows_events(exporter: Running, name: str | None) -> None:
    token = (exporter.app.settings.state_path / name).read_text().strip() if name else ""
    reply = exporter.client.get(RECENT, headers={"Authorization": f"Bearer {token}"} if token else {})
    assert reply.status_code == 401
    assert "admin token" in reply.get_json()["error"]


@pytest.mark.parametrize(("quiet_s", "missed"), [(50, 0), (70, 2000)])
def test_a_reader_that_waits_for_events_misses_none(tmp_path: Path, quiet_s: float, missed: int) -> None:
    now = [time.time()]
    with running(tmp_path, lambda: now[0]) as exporter:
        assert recent(exporter, after=0)["newest"] == 0
        now[0] += quiet_s
        exporter.push([minimal("http")] * 3000)
        exporter.samples()
        assert recent(exporter, after=0)["missed"] == missed
