"""A working tree of its own for the native bundle, on free ports, that is always brought down."""

from __future__ import annotations

import os
import subprocess
import tempfile
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from exporter.bundle import processes
from exporter.bundle.endpoints import Address, Endpoints
from exporter.bundle.layout import Layout
from exporter.bundle.supervision import Supervisor
from tests.servers import LOOPBACK, ROOT, free_port, get_json, wait_until
from tests.tree import copy_tree

LISTEN_KEYS = (
    "EXAI_LISTEN", "EXAI_PROMETHEUS_LISTEN", "EXAI_ALERTMANAGER_LISTEN", "EXAI_GRAFANA_LISTEN", "EXAI_NODE_LISTEN",
    "EXAI_POSTGRES_EXPORTER_LISTEN",
)  # fmt: skip


class Clone:
    """A copy of the working tree with the virtual environment of this one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layout = Layout(root / ".state")
        self.supervisor = Supervisor(self.layout)
        ours = {key: f"{LOOPBACK}:{free_port()}" for key in LISTEN_KEYS}
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("EXAI_", "GRAFANA_"))}
        # .venv is that of the working tree: without this, its script would run the working tree's code.
        self.env = {**kept, **ours, "PYTHONPATH": str(root)}
        self.endpoints = Endpoints.from_environment(self.env)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m exporter bundle …` in the copy."""
        command = (str(self.root / ".venv/bin/python"), "-m", "exporter", "bundle", *arguments)
        env = {**self.env, **variables}
        return subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, check=False, timeout=180)

    def up(self, **variables: str) -> str:
        """Bring the bundle up natively; AssertionError with its output when that fails."""
        done = self.run("up", "--native", **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def grafana(self) -> str:
        """The URL of its demo's Grafana, with the user and the password that log in."""
        password = self.layout.demo.grafana_password.read_text().strip()
        return f"http://admin:{password}@{self.endpoints.grafana}"

    def demo(self, *arguments: str, **variables: str) -> str:
        """Bring the demo up natively; AssertionError with its output when that fails."""
        done = self.run("demo", "--native", *arguments, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def owned(self) -> dict[str, psutil.Process]:
        """The living processes of the bundle by the name of their program."""
        return _by_program(self.layout)

    def demo_owned(self) -> dict[str, psutil.Process]:
        """The living processes of the demo by the name of their program."""
        return _by_program(self.layout.demo)

    def kill_all(self) -> None:
        """SIGKILL to all of it, without the code under test; supervisord first, so that nothing comes back."""
        for owned in (self.owned(), self.demo_owned()):
            for name in sorted(owned, key=lambda name: name != "supervisord"):
                with suppress(psutil.NoSuchProcess):
                    owned[name].kill()
        wait_until(lambda: not self.owned() and not self.demo_owned(), what="the end of the bundles")

    def value(self, promql: str) -> float:
        """What the bundle's Prometheus answers to an instant query of one series, 0 without one."""
        query = urllib.parse.urlencode({"query": promql})
        result = get_json(f"{self.endpoints.prometheus.url}/api/v1/query?{query}")["data"]["result"]
        return float(result[0]["value"][1]) if result else 0.0


def _by_program(layout: Layout) -> dict[str, psutil.Process]:
    found = {}
    for process in processes.owned_by(layout.state):
        with suppress(psutil.NoSuchProcess):
            found[process.environ().get("SUPERVISOR_PROCESS_NAME", "supervisord")] = process
    return found


def clone_tree(destination: Path) -> None:
    """Copy the working tree, and lend the copy the virtual environment of this one."""
    copy_tree(destination)
    (destination / ".venv").symlink_to(ROOT / ".venv")
    for name in (
        "pyproject.toml",
        "requirements-dev.lock",
        "setup.py",
    ):  # Newer than .venv, they would be installed into it.
        os.utime(destination / name, (0, 0))


@contextmanager
def cloned() -> Iterator[Clone]:
    """A clone in a short path, since a socket's path is limited to some hundred bytes."""
    with tempfile.TemporaryDirectory(prefix="exai-") as directory:
        clone_tree(Path(directory))
        made = Clone(Path(directory))
        try:
            yield made
        finally:
            made.kill_all()


@pytest.fixture
def clone() -> Iterator[Clone]:
    """A clone for one test."""
    with cloned() as made:
        yield made


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty state directory."""
    return Layout(tmp_path / "state")


@pytest.fixture
def endpoints() -> Endpoints:
    """Addresses that nothing listens on."""
    return Endpoints(*(Address(LOOPBACK, free_port()) for _ in LISTEN_KEYS))
