"""`make reset` removes what the bundle and its demo made, and nothing else; who cannot be asked is refused."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from exporter.bundle import removal
from exporter.bundle.layout import Layout
from tests.bundle.conftest import Clone


def answered(clone: Clone, answer: str) -> subprocess.CompletedProcess[str]:
    """Run `bundle reset` with a terminal on which a person types."""
    person, terminal = pty.openpty()
    try:
        os.write(person, f"{answer}\n".encode())
        command = (str(clone.root / ".venv/bin/python"), "-m", "exporter", "bundle", "reset")
        return subprocess.run(
            command, cwd=clone.root, env=clone.env, stdin=terminal, capture_output=True, text=True, check=False
        )
    finally:
        os.close(person)
        os.close(terminal)


def test_all_that_a_bundle_and_its_demo_made_is_removed_after_a_question(clone: Clone) -> None:
    state = clone.layout.state
    clone.up()
    running = clone.run("reset", "--yes")
    assert (running.returncode, "end it with `make down`" in running.stderr) == (1, True)
    clone.run("down")
    clone.demo()
    running = clone.run("reset", "--yes")
    assert (running.returncode, "end it with `make down`" in running.stderr) == (1, True)
    clone.run("down")
    kept = {path.name for path in state.iterdir()}

    unasked = clone.run("reset")
    assert (unasked.returncode, "nobody can be asked here" in unasked.stderr) == (1, True)
    refused = answered(clone, "n")
    assert (refused.returncode, "Aborted" in refused.stderr) == (1, True)
    assert {path.name for path in state.iterdir()} == kept

    assert clone.run("reset", "--demo", "--yes").returncode == 0
    assert {path.name for path in state.iterdir()} == kept - {"demo"}
    agreed = answered(clone, "y")
    assert agreed.returncode == 0, agreed.stdout + agreed.stderr
    assert f"  {state / 'exporter.sqlite3'} (" in agreed.stdout
    assert not state.exists()
    assert "There is nothing to remove." in clone.run("reset").stdout


def test_what_somebody_else_keeps_in_the_state_directory_stays(layout: Layout) -> None:
    layout.make_directories()
    for name in ("exporter.sqlite3", "exporter.sqlite3-wal", "push-token", "notes.txt", "my-data"):
        (layout.state / name).write_text(name)
    removal.remove(layout)
    assert sorted(path.name for path in layout.state.iterdir()) == ["my-data", "notes.txt"]


def test_a_link_is_removed_and_not_what_it_leads_to(layout: Layout, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("kept")
    layout.make_directories()
    layout.data("prometheus").symlink_to(elsewhere)
    removal.remove(layout)
    assert not layout.state.exists()
    assert (elsewhere / "file").read_text() == "kept"


@pytest.mark.parametrize(("kilobytes", "shown"), [(0, "0 bytes"), (8, "8 kB"), (2000, "2 MB")])
def test_sizes_are_for_people_to_read(tmp_path: Path, kilobytes: int, shown: str) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1024 * kilobytes)
    assert removal.size_of(tmp_path / "file") == shown
