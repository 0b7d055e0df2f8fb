"""`tail` and `record` beside a real exporter, ended as people end them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec import Raw
from redis import Redis

from exporter.cli import cli
from exporter.tailing import commands
from tests import servers
from tests.core.examples import minimal
from tests.core.harness import Samples, samples, total
from tests.servers import ROOT, Server, exporter_server, wait_until
from tests.sources.gateway import Gateway

REDIS = ROOT / "tests/data/connection_monitor_redis.jsonl"
OWN_CALLS = ROOT / "tests/data/own_calls_redis.jsonl"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with exporter_server(tmp_path) as server:
        yield server


def push(server: Server, *events: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.url}/api/v1/events", json.dumps(events).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
        assert reply.status == 202


@contextmanager
def started(server: Server, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command that follows `server`, once it does so."""
    argv = [sys.executable, "-m", "exporter", *arguments, "--exporter", server.url]
    process = subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=server.env, cwd=ROOT
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str], by: signal.Signals = signal.SIGINT) -> tuple[int, str, str]:
    process.send_signal(by)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def holds(path: Path, lines: int) -> Callable[[], bool]:
    return lambda: path.exists() and path.read_bytes().count(b"\n") >= lines


def scraped(server: Server) -> Samples:
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as reply:  # noqa: S310
        return samples(reply.read().decode())


def test_tail_shows_a_line_an_event_until_ctrl_c(server: Server) -> None:
    push(server, minimal("http", status=201), minimal("http", status=7))
    with started(server, "tail") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().split() for _ in range(2)]
        push(server, minimal("duration"))
        lines.append(process.stdout.readline().split())
        assert [line[1:4] for line in lines] == [
            ["http", "-", "rejected"], ["http", "http", "counted"], ["http", "duration", "counted"],
        ]  # fmt: skip
        assert lines[0][4:6] == ["out_of_range:", "status:"]
        assert "status=201" in lines[1]
        assert "gen_ai_request_model=kimi-k2" in lines[2]
        assert ended(process) == (0, "", "")


def test_tail_shows_calls_that_are_counted_from_other_events(server: Server) -> None:
    described = minimal("connection", response_time_ms=900, metadata={"model": "kimi-k2-0905"})
    push(server, described, minimal("duration"))
    push(server, described)
    with started(server, "tail", "--kind", "duration") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().split() for _ in range(3)]
    assert [(line[3], line[-1]) for line in lines] == [
        ("counted", "gen_ai_request_model=kimi-k2"),
        ("superseded", "gen_ai_request_model=kimi-k2-0905"),
        ("superseded", "gen_ai_request_model=kimi-k2-0905"),
    ]


def test_tail_shows_json_of_one_kind(server: Server) -> None:
    push(server, minimal("http"), minimal("duration"))
    with started(server, "tail", "--json", "--kind", "duration", "--source", "http") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"]["model"] == "kimi-k2"
        assert ended(process) == (0, "", "")


def test_tail_ends_well_when_nobody_reads_on(server: Server) -> None:
    push(server, minimal("http"))
    with started(server, "tail") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        push(server, minimal("http"))
        assert process.wait(30) == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize("command", [["tail"], ["record", "never.ndjson"]])
def test_a_wrong_token_names_its_file(server: Server, command: list[str], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")
    done = CliRunner().invoke(cli, [*command, "--exporter", server.url, "--token-file", str(wrong)])
    assert done.exit_code == 1
    assert f"it refused {wrong} as its admin token: name the right file with --token-file" in done.stderr
    assert not Path("never.ndjson").exists()


@pytest.mark.parametrize("bundle", [".state", ".state/demo"])
def test_the_token_of_the_bundle_in_the_working_directory_is_used(
    server: Server, bundle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / bundle).mkdir(parents=True)
    (tmp_path / bundle / "admin-token").write_text((tmp_path / "state/admin-token").read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    done = CliRunner().invoke(cli, ["record", "--for", "0.1", "--exporter", server.url, "calls.ndjson"])
    assert done.exit_code == 0, done.output
    assert "0 events written to calls.ndjson" in done.stdout


def test_an_exporter_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["tail", "--exporter", "http://127.0.0.1:1"])
    assert done.exit_code == 1
    assert "http://127.0.0.1:1 does not answer" in done.stderr


def test_record_leaves_out_what_was_not_counted(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    with started(server, "record", str(path)) as process:
        wait_until(path.exists, what="the recording")
        twice = minimal("http", event_id="twice", error="password=hunter2")
        push(server, twice, twice, minimal("http", status=7))
        wait_until(holds(path, 1), what="the event")
        code, out, _ = ended(process, signal.SIGTERM)
    assert (code, out) == (0, f"1 events written to {path}; left out: 1 rejected, 1 duplicate\n")
    assert json.loads(path.read_text())["error"] == "password=***"


def test_a_killed_record_leaves_a_recording_that_is_continued(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    for number in range(1, 3):
        with started(server, "record", str(path)) as process:
            assert process.stderr is not None
            assert "recording to" in process.stderr.readline()
            push(server, *[minimal("http")] * 3000)
            wait_until(holds(path, 3000 * (number - 1) + 1), what="some events")
            process.send_signal(signal.SIGKILL)
            process.wait()
        lines = path.read_bytes().splitlines(keepends=True)
        assert all(line.endswith(b"\n") and json.loads(line)["kind"] == "http" for line in lines)


def test_without_room_record_says_so_in_one_sentence(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    argv = [sys.executable, "-m", "exporter", "record", str(path), "--exporter", server.url]
    little = f"ulimit -f 8; exec {' '.join(argv)}"
    process = subprocess.Popen(["bash", "-c", little], stderr=subprocess.PIPE, text=True, env=server.env, cwd=ROOT)
    try:
        wait_until(path.exists, what="the recording")
        push(server, *[minimal("http")] * 500)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 1
    assert err.splitlines()[1:] == [f"Error: {path} cannot be written: File too large; 0 events were written before"]


@pytest.mark.parametrize("recorded", [REDIS, OWN_CALLS], ids=["events", "calls"])
def test_a_recording_brings_back_the_same_counters(redis_server: servers.Redis, tmp_path: Path, recorded: Path) -> None:
    path = tmp_path / "calls.ndjson"
    members = lately_recorded(recorded)
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    with (
        exporter_server(one, {"EXAI_REDIS_URL": redis_server.url}) as original,
        started(original, "record", str(path)) as process,
    ):
        wait_until(path.exists, what="the recording")
        with Redis.from_url(redis_server.url) as client:
            Gateway(client).replay(members)
        push(original, minimal("gauge", values={"active_sessions": 3}), minimal("cache"))
        name = "exai_exporter_events_ingested_total"
        sent = {"connection": len(members), "gauge": 1, "cache": 1}
        wait_until(
            lambda: all(total(scraped(original), name, kind=kind) == count for kind, count in sent.items()),
            what="all that was sent",
        )
        # Each model call is one more event than its member.
        wait_until(lambda: holds(path, int(total(scraped(original), name)))(), what="all events")
        assert ended(process)[0] == 0
        expected = counters(original)
    with exporter_server(other) as again:
        done = CliRunner().invoke(cli, ["replay", "--exporter", again.url, str(path)])
        assert done.exit_code == 0, done.output
        recorded = path.read_bytes().count(b"\n")
        # A push is answered once it is on disk, which is before it is in the series.
        wait_until(lambda: total(scraped(again), name) == recorded, what="the fold of all that was pushed")
        assert counters(again) == expected
        assert len(expected) > 100


def lately_recorded(file: Path) -> list[dict[str, Any]]:
    """The recorded members, moved in time so that the last is from now."""
    members = [json.loads(line) for line in file.read_text().splitlines()]
    offset = time.time() - max(member["score"] for member in members)
    for member in members:
        event = json.loads(member["member"])
        event["timestamp"] += offset
        member.update(score=member["score"] + offset, member=json.dumps(event))
    return members


def counters(server: Server) -> Samples:
    """Return the folded samples, without those of the exporter itself."""
    return {
        key: value for key, value in scraped(server).items()
        if key[0].startswith(("exai_", "gen_ai_")) and not key[0].startswith("exai_exporter_")
    }  # fmt: skip


@pytest.mark.parametrize(("polled", "hints"), [([[]] * 60, 1), ([[], [Raw(b"{}")], *[[]] * 60], 0), ([[]] * 3, 0)])
def test_a_tail_that_stays_empty_says_once_what_to_check(
    polled: list[list[Raw]], hints: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(commands._with_hint(polled, "http://127.0.0.1:9464")) == polled
    told = capsys.readouterr().err
    assert told.count("check-config --connect` tries each source; http://127.0.0.1:9464/readyz names") == hints
