"""POST /api/v1/events: what is taken, what is refused, and what the reply says."""

from __future__ import annotations

import gzip
import json
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from exporter.sources.http_push import LONGEST_KEY, MOST_ERRORS_NAMED, inflate
from exporter.types import Refused
from tests.core.examples import KINDS, full, minimal
from tests.core.harness import EVENTS, NDJSON, Running, running

EVENT = minimal("connection")
NAME = "exai_connection_events_total"
REJECTED = "exai_exporter_events_rejected_total"


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as found:
        yield found


@pytest.mark.parametrize(
    ("body", "media", "accepted"),
    [
        (json.dumps(EVENT), "application/json", 1),
        (json.dumps([EVENT, EVENT]), "application/json; charset=utf-8", 2),
        (json.dumps([EVENT]), "Application/JSON", 1),
        (f"{json.dumps(EVENT)}\n{json.dumps(EVENT)}\n", NDJSON, 2),
        ("[]", "application/json", 0),
    ],
)
def test_one_event_an_array_and_lines_are_taken(exporter: Running, body: str, media: str, accepted: int) -> None:
    reply = exporter.push(body.encode(), {"Content-Type": media})
    assert reply.status_code == 202
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.get_json() == {"accepted": accepted, "rejected": 0, "errors": []}
    assert exporter.value(NAME) == accepted


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_taken_and_counted(exporter: Running, kind: str) -> None:
    assert exporter.push([full(kind)]).status_code == 202
    assert exporter.value("exai_exporter_events_ingested_total", source="http", kind=kind) == 1


@pytest.mark.parametrize("media", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_other_content_types_are_refused_so_that_no_web_page_can_post(exporter: Running, media: str) -> None:
    reply = exporter.push([EVENT], {"Content-Type": media})
    assert reply.status_code == 415
    assert exporter.value(NAME) == 0
    assert exporter.value(REJECTED, reason="media_type") == 1


def test_the_reply_names_each_bad_event_and_the_good_ones_count(exporter: Running) -> None:
    reply = exporter.push([EVENT, {"kind": "nope"}, EVENT, {**EVENT, "data_size_bytes": -1}, 3])
    assert reply.status_code == 202
    found = reply.get_json()
    assert (found["accepted"], found["rejected"]) == (2, 3)
    assert [(error["index"], error["field"], error["reason"]) for error in found["errors"]] == [
        (1, "kind", "unknown_kind"),
        (3, "data_size_bytes", "out_of_range"),
        (4, "", "wrong_type"),
    ]
    assert exporter.value(NAME) == 2
    for reason in ("unknown_kind", "out_of_range", "wrong_type"):
        assert exporter.value(REJECTED, source="http", reason=reason) == 1


def test_a_batch_with_nothing_good_in_it_is_a_bad_request(exporter: Running) -> None:
    reply = exporter.push([{"kind": "nope"}, {}])
    assert reply.status_code == 400
    assert reply.get_json()["rejected"] == 2
    assert exporter.value(REJECTED) == 2


def test_a_reply_stays_short_however_many_are_bad(exporter: Running) -> None:
    found = exporter.push([EVENT, *[{"kind": "x" * 10_000}] * 300]).get_json()
    assert found["rejected"] == 300
    assert len(found["errors"]) == MOST_ERRORS_NAMED
    assert len(json.dumps(found)) < 100_000


@pytest.mark.parametrize("body", [b"", b"[{nope}", b"[1", b"\xff\xfe\x00", b"null"])
def test_a_body_that_is_not_json_is_a_counted_bad_request(exporter: Running, body: bytes) -> None:
    reply = exporter.push(body)
    assert reply.status_code == 400
    assert reply.get_json()["reason"] == "malformed"
    assert exporter.value(REJECTED, reason="malformed") == 1


def test_gzip_is_taken_in_one_member_or_several(exporter: Running) -> None:
    body = json.dumps([EVENT]).encode()
    for squeezed in (gzip.compress(body), gzip.compress(body[:9]) + gzip.compress(body[9:])):
        assert exporter.push(squeezed, {"Content-Encoding": "gzip"}).status_code == 202
    assert exporter.value(NAME) == 2


SQUEEZED = gzip.compress(json.dumps([EVENT]).encode(), mtime=0)
"""Always the same bytes: they are in the names of tests, which each worker of pytest must call alike."""


@pytest.mark.parametrize(
    "body",
    [
        SQUEEZED[:-5],
        SQUEEZED[:20],
        SQUEEZED[:-8] + b"\0" * 8,
        SQUEEZED + b"tail",
        b"plain",
        b"",
        zlib.compress(json.dumps([EVENT]).encode()),
    ],
)
def test_gzip_that_is_cut_off_or_spoilt_is_refused_whole(exporter: Running, body: bytes) -> None:
    reply = exporter.push(body, {"Content-Encoding": "gzip"})
    assert (reply.status_code, reply.get_json()["reason"]) == (400, "malformed")
    assert exporter.value(NAME) == 0


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
def test_other_encodings_are_refused(exporter: Running, encoding: str) -> None:
    assert exporter.push([EVENT], {"Content-Encoding": encoding}).status_code == 415


def test_a_gzip_bomb_is_refused_in_bounded_memory(exporter: Running) -> None:
    bomb = gzip.compress(b" " * 500_000_000, 9)
    tracemalloc.start()
    reply = exporter.push(bomb, {"Content-Encoding": "gzip"})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (reply.status_code, reply.get_json()["reason"]) == (413, "too_large")
    assert peak < 64 * 1024 * 1024


def test_a_body_that_inflates_to_exactly_the_most_is_taken() -> None:
    assert inflate(gzip.compress(b"x" * 1000), 1000) == b"x" * 1000
    with pytest.raises(Refused):
        inflate(gzip.compress(b"x" * 1001), 1000)


def test_a_body_of_very_many_gzip_members_is_soon_done_with() -> None:
    started = time.process_time()
    with suppress(Refused):
        inflate(gzip.compress(b"") * 200_000, 1 << 24)
    assert time.process_time() - started < 5


def test_a_body_past_the_limit_is_too_large(tmp_path: Path) -> None:
    with running(tmp_path, limits={"body_bytes": 1000}) as exporter:
        reply = exporter.push(b" " * 1001)
        assert reply.status_code == 413
        assert "error" in reply.get_json()
        assert exporter.push([EVENT]).status_code == 202


def test_a_batch_past_the_limit_is_too_large(tmp_path: Path) -> None:
    with running(tmp_path, limits={"batch_events": 3}) as exporter:
        assert exporter.push([EVENT] * 4).status_code == 413
        assert exporter.push([EVENT] * 3).status_code == 202
        assert exporter.value(REJECTED, reason="too_many") == 1


def keyed(exporter: Running, key: str, events: Any) -> tuple[int, Any]:
    reply = exporter.push(events, {"Idempotency-Key": key})
    return reply.status_code, reply.get_json()


def test_a_repeated_key_gets_the_first_reply_and_counts_once(exporter: Running) -> None:
    batch = [EVENT, {"kind": "nope"}]
    first = keyed(exporter, "k-1", batch)
    assert first[0] == 202
    assert keyed(exporter, "k-1", batch) == first
    assert keyed(exporter, "k-2", batch) == first
    assert exporter.value(NAME) == 2
    assert exporter.value(REJECTED) == 2


def test_a_key_with_another_body_is_refused(exporter: Running) -> None:
    keyed(exporter, "k-1", [EVENT])
    status, body = keyed(exporter, "k-1", [EVENT, EVENT])
    assert (status, "error" in body) == (422, True)
    assert exporter.value(NAME) == 1


def test_a_key_is_known_after_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as exporter:
        first = keyed(exporter, "k-1", [EVENT])
    with running(tmp_path) as exporter:
        assert keyed(exporter, "k-1", [EVENT]) == first
        assert keyed(exporter, "k-1", [EVENT, EVENT])[0] == 422
        assert exporter.value(NAME) == 1


def test_a_key_that_many_send_at_once_counts_once(exporter: Running) -> None:
    replies: list[tuple[int, Any]] = []

    def push() -> None:
        replies.append(keyed(Running(exporter.app, wsgi.test_client()), "k-1", [EVENT]))

    wsgi = exporter.app.wsgi()
    threads = [threading.Thread(target=push) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(replies) == 12
    assert {status for status, _ in replies} == {202}
    assert exporter.value(NAME) == 1


def test_the_same_batch_squeezed_is_the_same_batch(exporter: Running) -> None:
    body = json.dumps([EVENT]).encode()
    headers = {"Idempotency-Key": "k-1"}
    assert exporter.push(body, headers).status_code == 202
    squeezed = exporter.push(gzip.compress(body), {**headers, "Content-Encoding": "gzip"})
    assert squeezed.status_code == 202
    assert exporter.value(NAME) == 1


@pytest.mark.parametrize("key", ["", "x" * (LONGEST_KEY + 1), "tab\there"])
def test_a_key_that_cannot_be_kept_is_refused(exporter: Running, key: str) -> None:
    assert keyed(exporter, key, [EVENT])[0] == 400
    assert exporter.value(NAME) == 0


@pytest.mark.parametrize(
    ("method", "path", "status"), [("get", EVENTS, 405), ("put", EVENTS, 405), ("post", "/x", 404)]
)
def test_another_method_or_path_is_explained_in_json(exporter: Running, method: str, path: str, status: int) -> None:
    reply = getattr(exporter.client, method)(path)
    assert reply.status_code == status
    assert reply.get_json()["error"]


def test_a_wrong_method_is_told_the_right_one(exporter: Running) -> None:
    assert "POST" in exporter.client.get(EVENTS).headers["Allow"]
