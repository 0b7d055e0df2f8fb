"""Things that take minutes to make, kept outside the clone and made again when what they are made of changes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exai-tests" / "docker"
_UNUSED_S = 14 * 86400


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
    """Return the directory `name` for `key`; `make` fills it when it is missing, in one process at a time."""
    HOME.mkdir(parents=True, exist_ok=True)
    directory = HOME / f"{name}-{key}"
    with (HOME / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.is_dir():
            _make(name, directory, make)
        os.utime(directory)
        for other in HOME.glob(f"{name}-*"):
            if other.stat().st_mtime < time.time() - _UNUSED_S:
                shutil.rmtree(other, ignore_errors=True)
    return directory


def _make(name: str, directory: Path, make: Callable[[Path], None]) -> None:
    print(f"docker tests: making {name}, once", flush=True)  # noqa: T201
    started = time.monotonic()
    unfinished = HOME / f"unfinished-{name}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    make(unfinished)
    unfinished.rename(directory)
    print(f"docker tests: made {name} in {time.monotonic() - started:.0f} s", flush=True)  # noqa: T201
