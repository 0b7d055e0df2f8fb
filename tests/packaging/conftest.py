"""The wheel and the sdist of this working tree, and environments that they are installed into."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tree import copy_tree
from tests.wheels import wheelhouse

_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
_BUILD_SDIST = "import setuptools.build_meta as backend, sys; backend.build_sdist(sys.argv[1])"


@dataclass(frozen=True)
class Environment:
    """A virtual environment that has nothing but what a test installs."""

    home: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.home / "bin" / "python"

    @property
    def script(self) -> Path:
        """The installed command."""
        return self.home / "bin" / "exai-exporter"

    @property
    def site_packages(self) -> Path:
        """The directory that pip installs into."""
        return next((self.home / "lib").glob("python3.*/site-packages"))

    def install(self, *requirements: str) -> None:
        """Install from the cache alone, as pip resolves it."""
        command = (*_PIP, "--python", str(self.python), "install", "--no-index", "--no-compile", *requirements)
        subprocess.run((*command, "--find-links", str(wheelhouse())), check=True)

    def run(self, *command: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command with this environment first on the PATH, and nothing of the tests' own."""
        return subprocess.run(
            [str(word) for word in command], cwd=cwd, env=self.variables(cwd, **variables),
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def variables(self, home: Path, **more: str) -> dict[str, str]:
        """Return the variables of a shell in which this environment is active."""
        return {"PATH": f"{self.home / 'bin'}:/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8", **more}


def build_wheel(source: Path, destination: Path) -> Path:
    """Build a wheel of a directory or an sdist, with the setuptools of the tests."""
    command = (*_PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(destination), str(source))
    subprocess.run(command, check=True)
    (built,) = destination.glob("*.whl")
    return built


@contextmanager
def environment(directory: Path) -> Iterator[Environment]:
    """An empty environment, removed afterwards: one with the server's libraries takes 60 MB."""
    venv.create(directory, with_pip=False, symlinks=True)
    try:
        yield Environment(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the working tree, to build in: a build in the tree itself would leave build/ behind."""
    return copy_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="session")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel."""
    return build_wheel(tree, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist."""
    destination = tmp_path_factory.mktemp("sdist")
    subprocess.run((sys.executable, "-c", _BUILD_SDIST, str(destination)), cwd=tree, check=True, capture_output=True)
    (built,) = destination.glob("*.tar.gz")
    return built


@pytest.fixture(scope="session")
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """`pip install .`: what pip resolves, which must be the client alone."""
    with environment(tmp_path_factory.mktemp("plain environment")) as made:
        made.install(str(wheel))
        yield made


@pytest.fixture(scope="session")
def server(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """`pip install '.[server]'`."""
    with environment(tmp_path_factory.mktemp("server environment")) as made:
        made.install(f"{wheel}[server]")
        yield made
