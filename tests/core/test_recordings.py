"""Recordings are read in the same way by `replay`, `alerts replay` and `timeouts evaluate`."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from exporter.cli import cli
from exporter.events import ConnectionEvent, DurationEvent
from exporter.recordings import BadRecording, events
from tests.core.examples import NOW, T, minimal
from tests.servers import ROOT, Server, exporter_server

REDIS = ROOT / "tests/data/connection_monitor_redis.jsonl"
CALLS = [minimal("duration", timestamp=T + 60 * number) for number in range(100)]
LINES = "".join(json.dumps(call) + "\n" for call in CALLS)

Read = Callable[..., Result]


def read(path: Path) -> tuple[list[Any], list[str]]:
    told: list[str] = []
    with path.open("rb") as file:
        return list(events(file, lambda: NOW, told.append)), told


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with exporter_server(tmp_path_factory.mktemp("exporter")) as server:
        yield server


@pytest.fixture(params=["replay", "alerts replay", "timeouts evaluate"])
def command(request: pytest.FixtureRequest, server: Server) -> Read:
    """One of the three commands, on a recording or on standard input."""
    options = ["--exporter", server.url] if request.param == "replay" else []

    def run(path: Path | str, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(cli, [*request.param.split(), *options, str(path)], input=stdin)

    return run


def test_each_command_reads_canonical_events(command: Read, tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_text(LINES)
    done = command(path)
    assert done.exit_code == 0, done.output
    assert "100" in done.stdout


def test_each_command_reads_a_gateways_redis(command: Read) -> None:
    done = command(REDIS)
    assert done.exit_code == 0, done.output
    assert done.stdout


def test_each_command_inflates(command: Read, tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson.gz"
    path.write_bytes(gzip.compress(LINES.encode()))
    assert command(path).exit_code == 0


def test_each_command_reads_standard_input(command: Read) -> None:
    done = command("-", LINES.encode())
    assert done.exit_code == 0, done.output


def test_each_command_leaves_out_a_cut_last_line(command: Read, tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_text(LINES[:-20])
    done = command(path)
    assert done.exit_code == 0, done.output
    assert f"{path}: line 100 is cut off and left out" in done.stderr


def test_each_command_names_a_bad_line(command: Read, tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_text(f"{LINES}\n{json.dumps(minimal('duration', model=7))}\n")
    assert f"{path}: line 102: field model: Expected `str`, got `int`" in command(path).stderr


def test_each_command_names_a_bad_member(command: Read, tmp_path: Path) -> None:
    path = tmp_path / "redis.jsonl"
    member = json.dumps({"connection_type": "redis", "direction": 7, "timestamp": T})
    path.write_text(LINES + json.dumps({"key": "k", "score": T, "member": member}) + "\n")
    assert f"{path}: line 101: field direction: Expected `str`, got `int`" in command(path).stderr


def test_each_command_names_a_gzip_file_that_is_cut_off(command: Read, tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson.gz"
    path.write_bytes(gzip.compress(LINES.encode())[:-20])
    done = command(path)
    assert done.exit_code == 1
    assert f"{path} cannot be inflated" in done.stderr


def test_members_become_the_events_that_the_source_makes_of_them(tmp_path: Path) -> None:
    path = tmp_path / "redis.jsonl"
    member = {
        "connection_type": "kimi", "direction": "duration_recorded", "timestamp": T, "script": "a.py", "function": "f",
        "response_time_ms": 1500, "metadata": {"model": "kimi-k2", "prompt_tokens": 12},
    }  # fmt: skip
    path.write_text(json.dumps({"key": "connection_monitor:kimi:events", "score": T, "member": json.dumps(member)}))
    (connection, call), told = read(path)
    assert isinstance(connection, ConnectionEvent)
    assert isinstance(call, DurationEvent)
    assert (connection.script_name, call.model, call.prompt_tokens, call.provider) == ("a.py", "kimi-k2", 12, "kimi")
    assert told == []


def test_a_canonical_event_that_speaks_of_a_member_is_canonical(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_text(json.dumps(minimal("http", metadata={"member": "m", "key": "k"})))
    assert [type(event).__name__ for event in read(path)[0]] == ["HttpEvent"]


@pytest.mark.parametrize("last", ["garbage", '{"kind": "http"}', "[1, 2"])
def test_a_last_line_that_is_wrong_is_not_taken_for_one_that_is_cut_off(tmp_path: Path, last: str) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_text(LINES + last + "\n")
    with pytest.raises(BadRecording, match="line 101"):
        read(path)
