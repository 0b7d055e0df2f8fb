"""A recording has whole lines only, is rotated, and never overwrites anything else."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.tailing.recording_file import NotARecording, RecordingFile
from tests.core.examples import minimal

LINE = json.dumps(minimal("http"), separators=(",", ":")).encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.ndjson"


def opened(path: Path, told: list[str] | None = None, max_bytes: int = 10**6, keep: int = 2) -> RecordingFile:
    return RecordingFile(path, max_bytes, keep, (told if told is not None else []).append)


def written(path: Path, *lines: bytes, told: list[str] | None = None) -> bytes:
    file = opened(path, told)
    file.append(lines)
    file.close()
    return path.read_bytes()


def test_only_the_owner_can_read_it(path: Path) -> None:
    before = os.umask(0)
    try:
        assert written(path, LINE) == LINE + b"\n"
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_recording_is_continued(path: Path) -> None:
    written(path, LINE)
    assert written(path, LINE, LINE) == (LINE + b"\n") * 3


@pytest.mark.parametrize(("left", "tells"), [(LINE[:-5], 1), (b"{", 1), (LINE, 0)])
def test_a_last_line_without_an_end_is_completed_or_removed(path: Path, left: bytes, tells: int) -> None:
    path.write_bytes(LINE + b"\n" + left)
    told: list[str] = []
    whole = 3 if left == LINE else 2
    assert written(path, LINE, told=told) == (LINE + b"\n") * whole
    assert len(told) == tells


@pytest.mark.parametrize("content", [b"notes\n", b"notes", b'{"a": 1}\n', b"\n", b"[1, 2"])
def test_another_file_is_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(NotARecording, match="is not a recording"):
        opened(path)
    assert path.read_bytes() == content


def test_something_that_is_no_file_is_refused(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(NotARecording, match="not a regular file"):
        opened(path)


def test_two_cannot_write_one_file(path: Path) -> None:
    file = opened(path)
    with pytest.raises(NotARecording, match="another"):
        opened(path)
    file.close()
    opened(path).close()


def test_it_is_rotated_between_lines(path: Path) -> None:
    file = opened(path, max_bytes=3 * len(LINE), keep=2)
    lines = [json.dumps(minimal("http", status=100 + number)).encode() for number in range(20)]
    file.append(lines[:11])
    file.append(lines[11:])
    file.close()
    parts = [path.with_name(f"{path.name}.2"), path.with_name(f"{path.name}.1"), path]
    assert sorted(path.parent.iterdir()) == sorted(parts)
    assert b"".join(part.read_bytes() for part in parts).splitlines() == lines[-len(parts) * 2 :]
    assert {part.stat().st_mode & 0o777 for part in parts} == {0o600}
    assert all(part.stat().st_size <= 3 * len(LINE) for part in parts)


def test_a_line_that_is_longer_than_a_file_is_written_whole(path: Path) -> None:
    file = opened(path, max_bytes=10)
    file.append([LINE])
    file.append([LINE])
    file.close()
    assert path.read_bytes() == path.with_name(f"{path.name}.1").read_bytes() == LINE + b"\n"


@pytest.fixture
def little_room() -> Iterator[int]:
    """A largest file size, past which writing fails in the middle."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    room = 10 * len(LINE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    yield room
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_without_room_what_was_written_before_stays_whole(path: Path, little_room: int) -> None:
    file = opened(path, max_bytes=100 * little_room)
    file.append([LINE] * 4)
    with pytest.raises(OSError, match="File too large"):
        file.append([LINE] * 30)
    file.close()
    assert path.read_bytes() == (LINE + b"\n") * 4
