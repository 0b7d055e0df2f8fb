"""The wheel and the sdist of this working tree, and environments that they are installed into."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers import ROOT
from tests.tree import copy_tree

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exai-tests"
"""Outside the clone: what was downloaded once serves every later run."""

_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
_BUILT_WITH = re.compile(r"^(setuptools|pillow)==\S+", re.MULTILINE)
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


def wheelhouse() -> Path:
    """The wheels of requirements.lock, downloaded once, with what builds and draws."""
    locked = (ROOT / "requirements.lock").read_bytes()
    others = [match[0] for match in _BUILT_WITH.finditer((ROOT / "requirements-dev.lock").read_text())]
    key = hashlib.sha256(locked + " ".join(others).encode()).hexdigest()[:16]
    home = CACHE / f"wheels-{sys.version_info.major}.{sys.version_info.minor}-{key}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            download = (*_PIP, "download", "--only-binary=:all:", "--no-deps", "--dest", str(home))
            subprocess.run((*download, "--require-hashes", "-r", str(ROOT / "requirements.lock")), check=True)
            subprocess.run((*download, *others), check=True)
            (home / "complete").touch()
    return home


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
