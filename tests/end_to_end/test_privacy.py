"""Private content that goes in by every source is in nothing that the exporter keeps, shows or records."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from redis import Redis

from exporter.pseudonyms import pseudonym
from tests import servers
from tests.databases import postgres_server
from tests.servers import ROOT, Server, wait_until

PROMPT, ANSWER = "quokkas-in-the-prompt", "wombats-in-the-answer"
KEY = "sk-marsupial0123456789abcdef"
CONVERSATION, CONTINUATION, SESSION = "conversation-4f1c", "continuation-4f1c", "session-4f1c"
ADDRESS, ADDRESS_6, CACHE_KEY = "203.0.113.77", "2001:db8:1:2::77", "thread:bilby"
SECRETS = (PROMPT, ANSWER, KEY, CONVERSATION, CONTINUATION, SESSION, ADDRESS, ADDRESS_6, CACHE_KEY)

SENT_TABLES = ("monitoring_events", "metrics_raw", "cache_metrics")
"""What a gateway itself writes, as it likes; the exporter only reads it."""

NOW = time.time() - 60
ERROR = (
    f"BadRequestError: Error code: 400 - {{'error': {{'message': 'no', 'key': 'token={KEY}'}}, "
    f"'messages': [{{'role': 'user', 'content': '{PROMPT}'}}], 'answer': '{ANSWER}'}} "
    f"from {ADDRESS}:5000, [{ADDRESS_6}]:80"
)
METADATA = {
    "model": "glm-4.6", "tokens": 7, "prompt": PROMPT, "messages": [{"role": "user", "content": PROMPT}],
    "response": ANSWER, "api_key": KEY, "client_ip": ADDRESS, "remote_addr": f"[{ADDRESS_6}]:80", "key": CACHE_KEY,
    "error_message": ERROR, "error_traceback": f"Traceback\n  {ERROR}",
}  # fmt: skip
NAMES = {"conversation_id": CONVERSATION, "continuation_id": CONTINUATION, "session_id": SESSION}
SPAN = {"layer": "tool", "start_time": NOW, "end_time": NOW + 1}

Connection = psycopg.Connection[tuple[Any, ...]]


def connection_events() -> list[dict[str, Any]]:
    """A model call that succeeded and one that failed for each name of an id."""
    return [
        {"connection_type": "kimi", "direction": direction, "timestamp": NOW, "response_time_ms": 9,
         "metadata": {**METADATA, name: plain}}
        for name, plain in NAMES.items() for direction in ("receive", "error")
    ]  # fmt: skip


def canonical_events(source: str) -> list[dict[str, Any]]:
    """Events of every kind that may hold private content, and events that are refused."""
    good: list[dict[str, Any]] = [
        *({"kind": "connection", **event} for event in connection_events()),
        {"kind": "trace", "trace_id": source, "tool_name": "chat", "start_time": NOW, "end_time": NOW + 1,
         "status": "error", "spans": [SPAN], "conversation_id": CONVERSATION, "error": ERROR, "metadata": METADATA},
        {"kind": "duration", "model": "kimi-k2", "duration_ms": 5, "timestamp": NOW, "outcome": "error",
         "error": ERROR, "conversation_id": CONVERSATION, "metadata": METADATA},
        {"kind": "cache", "operation": "error", "implementation": "new", "timestamp": NOW, "cache_key": CACHE_KEY,
         "error_type": "Lost", "error_message": ERROR, "metadata": METADATA},
        {"kind": "http", "service": "api", "route": "/x", "method": "GET", "status": 502, "duration_ms": 3,
         "timestamp": NOW, "error": ERROR, "client_ip": ADDRESS, "prompt": PROMPT},
    ]  # fmt: skip
    bad = [{**event, "timestamp": PROMPT, "end_time": PROMPT} for event in good]
    return [*good, *bad, {"kind": "cache", "operation": f"not {PROMPT}", "implementation": "new", "timestamp": NOW}]


def write_to_redis(client: Redis) -> None:
    key = "connection_monitor:kimi:events"
    for number, event in enumerate(connection_events()):
        client.zadd(key, {json.dumps({**event, "script": "s.py", "function": "f", "n": number}): NOW})
    client.zadd(key, {json.dumps({**connection_events()[0], "direction": [PROMPT, CONVERSATION]}): NOW})
    client.zadd(key, {f"{PROMPT} {SESSION} {ADDRESS}": NOW})
    for event in canonical_events("stream"):
        client.xadd("events", {"event": json.dumps(event)})


def write_rows(database: Connection) -> None:
    data = [("connection_event", event) for event in connection_events()]
    data += [(event["kind"], event) for event in canonical_events("row")]
    data += [("cache_error", {"implementation": "new", "cache_key": CACHE_KEY, "error": ERROR, "metadata": METADATA})]
    data += [("performance", {"model": "kimi-k2", "duration_ms": 5, "error": ERROR, **NAMES, "metadata": METADATA})]
    data += [("performance", {"duration_ms": PROMPT, "conversation_id": CONVERSATION}), (f"not {PROMPT[:60]}", {})]
    for kind, each in data:
        database.execute(
            "select public.insert_monitoring_event(%s, to_timestamp(%s), 'ws_server', %s, %s)",
            (kind, NOW, json.dumps(each), json.dumps(METADATA)),
        )
        database.execute("insert into monitoring.metrics_raw (type, data) values (%s, %s)", (kind, json.dumps(each)))
    database.execute(
        "insert into public.cache_metrics (cache_key, operation_type, implementation_type, error_type, error_message, "
        "metadata) values (%s, 'error', 'new', 'Lost', %s, %s)",
        (CACHE_KEY, ERROR, json.dumps(METADATA)),
    )


def post(exporter: Server, path: str, body: Any, **headers: str) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310
        exporter.url + path, data, {"Content-Type": "application/json", **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            return bytes(reply.read())
    except urllib.error.HTTPError as error:
        return error.read()


def push(exporter: Server) -> None:
    post(exporter, "/api/v1/events", canonical_events("push"), **{"Idempotency-Key": "once"})
    post(exporter, "/api/v1/events", f"{PROMPT} {CONVERSATION}".encode())
    post(exporter, "/api/v1/events", f'[{{"kind": "not {PROMPT}", "conversation_id": "{CONVERSATION}'.encode())
    post(exporter, "/api/v1/timeout/estimate", {"model": "kimi-k2", "messages": METADATA["messages"]})
    alert = {
        "status": "firing", "labels": {"alertname": "ExaiTest"}, "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z", "annotations": {"summary": f"token={KEY}"},
    }  # fmt: skip
    post(exporter, "/api/v1/alerts", {"version": "4", "alerts": [alert]})


@contextmanager
def following(exporter: Server, output: Path, *arguments: str) -> Iterator[None]:
    """Run `tail` or `record` until the block ends."""
    with output.open("wb") as file:
        argv = [sys.executable, "-u", "-m", "exporter", *arguments, "--exporter", exporter.url]
        process = subprocess.Popen([*argv, "--token-file", str(output.parent / "state/admin-token")],
                                   stdout=file, stderr=file, env=dict(exporter.env or {}), cwd=ROOT)  # fmt: skip
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=10)


def dumped(database: Connection) -> str:
    """Every row of every table that the exporter writes, as text."""
    tables = database.execute(
        "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where c.relkind = 'r' and n.nspname in ('monitoring', 'monitoring_days', 'public')"
    ).fetchall()
    names = [name for (name,) in tables if not name.split(".")[-1].startswith(SENT_TABLES)]
    assert {"monitoring_days.traces_default", "monitoring.metrics_1min"} <= set(names)
    rows = [row for name in names for row in database.execute(f"select t::text from {name} t".encode()).fetchall()]  # noqa: S608
    return "\n".join(row for (row,) in rows)


def counted(database: Connection, table: str) -> int:
    row = database.execute(f"select count(*) from monitoring.{table}".encode()).fetchone()  # noqa: S608
    return int(row[0]) if row else 0


def around(text: str, secret: str) -> str:
    """Return the text around a secret, for the message of a failure."""
    place = text.index(secret)
    return text[max(0, place - 200) : place + 50]


@pytest.fixture
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server.migrated("gateway")


def test_private_content_is_nowhere(tmp_path: Path, redis_server: servers.Redis, dsn: str) -> None:
    (tmp_path / "config.yml").write_text("redis: {stream: events}")
    env = {"EXAI_REDIS_URL": redis_server.url, "EXAI_DATABASE_URL": dsn, "EXAI_CONFIG": str(tmp_path / "config.yml")}
    tail, recorder, recording = tmp_path / "tail.out", tmp_path / "record.out", tmp_path / "recording.ndjson"
    with (
        psycopg.connect(dsn, autocommit=True) as database,
        Redis.from_url(redis_server.url) as client,
        servers.exporter_server(tmp_path, env) as exporter,
    ):
        with (
            following(exporter, tail, "tail", "--json", "-n", "10000"),
            following(exporter, recorder, "record", str(recording)),
        ):
            wait_until(lambda: b"recording to" in recorder.read_bytes(), what="the recorder runs")
            write_to_redis(client)
            write_rows(database)
            push(exporter)
            wait_until(lambda: counted(database, "traces") == 3, what="the traces are kept")
            wait_until(lambda: counted(database, "errors") == 42, what="the errors are kept")
            sources = ('"http"', '"redis_zset"', '"redis_stream"', '"postgres"')
            wait_until(lambda: all(each in tail.read_text() for each in sources), what="all sources are shown")
            wait_until(lambda: recording.read_bytes().count(pseudonym(SESSION).encode()) >= 8, what="all is recorded")
        metrics = urllib.request.urlopen(f"{exporter.url}/metrics", timeout=10).read().decode()  # noqa: S310
        exporter.stop()
        rows = dumped(database)
        assert "token=***" in rows, "the alert is kept"
        held = {
            "rows": rows,
            "metrics": metrics,
            **{path.name: path.read_text(errors="replace") for path in (tail, recorder, recording)},
            "log": exporter.log.read_text(),
            **{path.name: path.read_bytes().decode("latin-1") for path in (tmp_path / "state").iterdir()},
        }
        found = [(name, around(text, secret)) for name, text in held.items() for secret in SECRETS if secret in text]
        assert not found, "\n".join(map(repr, found))
        for name in ("rows", tail.name, recording.name):
            assert pseudonym(CONVERSATION) in held[name], name
            assert "203.0.113.0" in held[name], name
            assert "Error code: 400" in held[name], name
