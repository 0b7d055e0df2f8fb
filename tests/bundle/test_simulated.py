"""A real state in which a demo of 0.1 ran is recognised, and the way out is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from exporter.bundle import simulated
from exporter.bundle.layout import Layout
from tests.bundle.conftest import Clone
from tests.tree import checkout_old, needs_old


@needs_old
def test_up_names_reset_where_a_demo_of_0_1_ran(clone: Clone, tmp_path: Path) -> None:
    checkout_old(tmp_path)
    env = {**clone.env, "PYTHONPATH": str(tmp_path), "EXAI_STATE_DIR": str(clone.layout.state)}
    for arguments in (("demo", "--native"), ("down",)):
        command = (sys.executable, "-m", "exporter", "bundle", *arguments)
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    printed = clone.up()
    assert printed.splitlines()[-1] == simulated.WARNING
    assert "`make down reset up`" in printed
    clone.run("down")
    assert clone.run("reset", "--yes").returncode == 0
    assert simulated.WARNING not in clone.up()


@pytest.mark.parametrize("mark", ["logs/demo.log", "logs/demo.log.1", "prometheus-data/past.om"])
def test_each_mark_is_enough(layout: Layout, mark: str) -> None:
    layout.make_directories()
    assert not simulated.in_state(layout)
    (layout.state / mark).parent.mkdir(exist_ok=True)
    (layout.state / mark).touch()
    assert simulated.in_state(layout)
