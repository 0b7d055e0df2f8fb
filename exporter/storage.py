"""Checks that a directory can be written to and has room, and explains why not."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

_PROBE = b"\0" * 4096
_FULL_BELOW = 1 << 20
"""Bytes below which SQLite fails, in words that do not always mention the disk."""

_ELSEWHERE = ", or name another directory"
_ADVICE = {
    errno.ENOSPC: f"its disk is full. Free some space{_ELSEWHERE}",
    errno.EDQUOT: f"its disk quota is used up. Free some space{_ELSEWHERE}",
    errno.EROFS: f"its file system is read-only. Mount it writable{_ELSEWHERE}",
    errno.EACCES: f"this user may not write there. Grant the right{_ELSEWHERE}",
    errno.EPERM: f"this user may not write there. Grant the right{_ELSEWHERE}",
    errno.ENOTDIR: "a part of that path is a file. Name another directory",
    errno.EEXIST: "there is a file of that name. Name another directory",
}


class StorageError(ValueError):
    """A directory cannot be used; the message names it and the setting, and says what to do."""


def check(directory: Path, key: str, least_bytes: int) -> None:
    """Make the directory if it is missing, and write to it.

    Raises:
        StorageError: it cannot be written to, or less than `least_bytes` are free on its disk.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(_PROBE)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        raise StorageError(explain(error, directory, key)) from error
    if (free := _free_bytes(directory)) < least_bytes:
        room = f"its disk has only {free >> 20} MiB free, and {least_bytes >> 20} MiB are needed. Free some space"
        raise StorageError(_sentence(directory, key, f"{room}{_ELSEWHERE}"))


def explain(error: Exception, path: Path, key: str) -> str:
    """Return why `path` cannot be used, and what to do."""
    reason = _ADVICE.get(error.errno or 0, error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    if not isinstance(error, OSError) and _free_bytes(path) < _FULL_BELOW:
        reason = _ADVICE[errno.ENOSPC]
    return _sentence(path, key, reason)


def _sentence(path: Path, key: str, reason: str) -> str:
    return f"{key}: {path} cannot be used: {reason}"


def used_ratio(path: Path) -> float:
    """Return the share of the disk of `path` that is in use, as df does: blocks kept for root do not count.

    Raises:
        OSError: `path` cannot be looked at.
    """
    found = os.statvfs(path)
    used = found.f_blocks - found.f_bfree
    return used / (used + found.f_bavail) if used else 0.0


def _free_bytes(path: Path) -> int:
    found = os.statvfs(path if path.exists() else path.parent)
    return found.f_bavail * found.f_frsize
