"""Copies of the working tree, as a commit of all of it would be cloned."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.servers import ROOT
from tests.wheels import wheelhouse

OLD = "bf1a176"
"""The last commit of 0.1.0."""

needs_old = pytest.mark.skipif(
    subprocess.run(("git", "cat-file", "-e", f"{OLD}^{{commit}}"), cwd=ROOT, check=False).returncode != 0,
    reason=f"this clone is shallow: it lacks {OLD}",
)


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


def checkout(commit: str, destination: Path) -> None:
    """Write the files of a commit into a directory."""
    command = ("git", "archive", "--format=tar", commit)
    archive = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(destination, filter="data")


def checkout_old(destination: Path) -> Path:
    """Write 0.1.0 into a directory, with the library it needs that this version does not; return `destination`."""
    checkout(OLD, destination)
    (dotenv,) = wheelhouse().glob("python_dotenv-*.whl")
    shutil.unpack_archive(dotenv, destination, "zip")
    return destination
