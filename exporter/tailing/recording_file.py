"""The file that `exai-exporter record` writes."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterable
from pathlib import Path

from exporter.decode.canonical import decode
from exporter.recordings import Tell, is_cut_off
from exporter.types import Refused


class NotARecording(ValueError):
    """The file exists and is not to be written to; the text says why."""


class RecordingFile:
    """Appends whole lines to a file of mode 0600 and rotates it: FILE becomes FILE.1, FILE.1 becomes FILE.2, …

    Before a line would make the file larger than `max_bytes`, a new one is begun; `keep` old ones stay.
    """

    def __init__(self, path: Path, max_bytes: int, keep: int, tell: Tell) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._descriptor = _opened(path)
        try:
            self._size = _continued(self._descriptor, path, tell)
        except BaseException:
            self.close()
            raise

    def append(self, lines: Iterable[bytes]) -> None:
        """Write lines and flush them to the disk. What was written before stays whole whatever happens.

        Raises:
            OSError: there is no room, or the file cannot be written.
        """
        waiting: list[bytes] = []
        size = self._size
        for line in lines:
            if size and size + len(line) + 1 > self._max_bytes:
                self._write(waiting)
                self._rotate()
                waiting, size = [], 0
            waiting += (line, b"\n")
            size += len(line) + 1
        self._write(waiting)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _write(self, pieces: list[bytes]) -> None:
        data = memoryview(b"".join(pieces))
        written = 0
        try:
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
            os.fsync(self._descriptor)
        except BaseException:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += written

    def _rotate(self) -> None:
        full = self._descriptor
        for number in range(self._keep - 1, 0, -1):
            if self._numbered(number).exists():
                self._numbered(number).replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))
        self._descriptor = _opened(self._path)
        self._size = 0
        os.close(full)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _opened(path: Path) -> int:
    """Open the file to append to it; no other `record` can do so until it is closed."""
    # Without waiting: a named pipe would keep the command waiting for a reader.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotARecording(f"{path} is not a regular file")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise NotARecording(f"{path} is being written by another `record`") from None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _continued(descriptor: int, path: Path, tell: Tell) -> int:
    """Return the size of a recording that is continued, once it ends with a whole line."""
    last = b""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        for number, last in enumerate(file):
            if number == 0 and not _begins_a_recording(last):
                raise NotARecording(f"{path} exists and is not a recording: name another file")
    if last and not last.endswith(b"\n"):
        if is_cut_off(last):
            tell(f"{path}: the last line was cut off and is removed")
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - len(last))
        else:
            os.write(descriptor, b"\n")
    return os.fstat(descriptor).st_size


def _begins_a_recording(line: bytes) -> bool:
    if not line.endswith(b"\n") and line.startswith(b"{") and is_cut_off(line):
        return True
    try:
        return bool(decode(line, time.time()).events)
    except Refused:
        return False
