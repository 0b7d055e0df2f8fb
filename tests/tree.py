"""Copies of the working tree, as a commit of all of it would be cloned."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.servers import ROOT


def copy_tree(destination: Path) -> Path:
    """Copy what git tracks and what it does not ignore; return `destination`."""
    listed = subprocess.run(
        ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"),
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.split("\0"):
        if (ROOT / name).is_file():
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, destination / name)
    return destination
