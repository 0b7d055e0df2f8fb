"""Directories that take minutes to make, kept outside the clone and made again when their sources change.

Standard library only: CI fills them beside the tests.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_UNUSED_S = 14 * 86400


def home() -> Path:
    """Return the directory that holds them all."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exai-tests"


def digest(*sources: str | bytes | Path) -> str:
    """Return a short hash of texts, and of the names and contents of the files below paths."""
    total = hashlib.sha256()
    for source in sources:
        if isinstance(source, Path):
            for file in sorted([source] if source.is_file() else source.rglob("*")):
                if file.is_file():
                    total.update(f"{file.relative_to(source.parent)}\0".encode())
                    total.update(file.read_bytes())
        else:
            total.update(source.encode() if isinstance(source, str) else source)
        total.update(b"\0")
    return total.hexdigest()[:16]


def kept(name: str, key: str, make: Callable[[Path], None]) -> Path:
    """Return the directory of `name` and `key`; if it is missing, `make` fills it, in one process at a time.

    Directories of the same name that nobody has used for two weeks are removed.
    """
    place = home()
    place.mkdir(parents=True, exist_ok=True)
    directory = place / f"{name}-{key}"
    with (place / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.is_dir():
            _make(name, directory, make)
        os.utime(directory)
        for other in place.glob(f"{name}-*"):
            if other.stat().st_mtime < time.time() - _UNUSED_S:
                shutil.rmtree(other, ignore_errors=True)
    return directory


def _make(name: str, directory: Path, make: Callable[[Path], None]) -> None:
    _report(f"making {name}, once")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=directory.parent) as scratch:
        unfinished = Path(scratch) / directory.name
        unfinished.mkdir()
        make(unfinished)
        unfinished.rename(directory)
    _report(f"made {name} in {time.monotonic() - started:.0f} s")


def _report(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
