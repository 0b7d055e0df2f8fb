"""The program works from the files that the Dockerfile copies, without being installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT


@pytest.fixture
def app(tree: Path, tmp_path: Path) -> Path:
    """The image's working directory."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:] for line in lines if line.startswith("COPY ")]
    for source, target in copied:
        (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(("cp", "-r", str(tree / source), str(tmp_path / target)), check=True)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "status", "expected"),
    [
        ("alerts list", 0, "ExaiRedisDown"),
        ("alerts explain ExaiRedisDown", 0, "# ExaiRedisDown"),
        ("alerts render --output out", 0, "no notification channel is configured"),
        ("check-config", 0, "# settings are good"),
        ("bundle up", 1, "needs a checkout"),
        ("bundle database --help", 0, "Prepare the database"),
    ],
)
def test_a_command_works_in_the_image(app: Path, command: str, status: int, expected: str) -> None:
    argv = [sys.executable, "-m", "exporter", *command.split()]
    done = subprocess.run(argv, cwd=app, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert expected in done.stdout + done.stderr
