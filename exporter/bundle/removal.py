"""Remove what a native bundle has written."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from exporter.bundle.layout import Layout

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def remove(layout: Layout) -> None:
    """Remove the bundle's own files, and the state directory itself unless something else is in it."""
    for path in layout.own_paths():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    with suppress(OSError):
        layout.state.rmdir()


def size_of(path: Path) -> str:
    """Return how much disk a file, or a directory with all that is in it, takes, for people to read."""
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    size = float(sum(file.lstat().st_blocks * 512 for file in files))
    unit = 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size /= 1000
        unit += 1
    return f"{size:.0f} {_UNITS[unit]}"
