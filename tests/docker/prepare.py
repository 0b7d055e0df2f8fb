"""`python -m tests.docker.prepare` makes everything that the tests keep between runs: some minutes, once.

The engine's programs, a Debian for the stand-ins, Compose 5, Prometheus, Alertmanager, the wheels and the images.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests import cache, current_servers
from tests.docker import debian, engine, images, namespace
from tests.servers import ROOT
from tests.wheels import wheelhouse

COMPOSE = ROOT / "tests/go/compose"
_PYTHON = "3.11"
"""Of the image that the Dockerfile builds on."""


@dataclass(frozen=True)
class Prepared:
    """The paths of everything that an engine and its tests need."""

    tools: Path
    compose: Path
    wheels: Path
    images: Path

    @classmethod
    def made(cls) -> Prepared:
        """Make what is missing."""
        tools = debian.engine_programs()
        bases = [debian.base() / "debian.tar", _servers()]
        return cls(tools, _compose() / "docker-compose", wheelhouse(_PYTHON), _images(tools, bases) / "images.tar")

    def environment(self) -> dict[str, str]:
        """Variables that hand these paths to the process within the namespaces."""
        return {f"EXAI_TESTS_{name.upper()}": str(path) for name, path in vars(self).items()}

    @classmethod
    def from_environment(cls) -> Prepared:
        """Read the paths back."""
        return cls(*(Path(os.environ[f"EXAI_TESTS_{name.upper()}"]) for name in cls.__dataclass_fields__))


def home() -> Path:
    """Return a new directory for an engine's data, and remove those of processes that have ended."""
    for directory in cache.home().glob("engine-of-*"):
        if not Path("/proc", directory.name.rpartition("-")[2]).exists():
            engine.remove(directory)
    return cache.home() / f"engine-of-{os.getpid()}"


def _compose() -> Path:
    key = cache.digest(*(COMPOSE / name for name in ("go.mod", "go.sum", "main.go")))
    return cache.kept("compose", key, _build_compose)


def _build_compose(target: Path) -> None:
    (version,) = re.findall(r"docker/compose/v5 v(\S+)", (COMPOSE / "go.mod").read_text())
    flags = f"-ldflags=-s -w -X github.com/docker/compose/v5/internal.Version={version}"
    environment = {**os.environ, "GOFLAGS": "-buildvcs=false", "GOWORK": "off", "CGO_ENABLED": "0"}
    command = (current_servers.go(), "build", "-trimpath", flags, "-o", str(target / "docker-compose"), ".")
    subprocess.run(command, cwd=COMPOSE, env=environment, check=True)


def _servers() -> Path:
    """Return a tar with Prometheus, Alertmanager and their tools."""
    binaries = current_servers.build()

    def pack(target: Path) -> None:
        subprocess.run(("tar", "-C", str(binaries), "-cf", str(target / "servers.tar"), "."), check=True)

    return cache.kept("servers-image", cache.digest(binaries.name), pack) / "servers.tar"


def _images(tools: Path, bases: list[Path]) -> Path:
    key = images.key(*(str(base.parent.name) for base in bases), Path(images.__file__).read_bytes())

    def build(target: Path) -> None:
        command = (sys.executable, "-m", "tests.docker.prepare", *map(str, (tools, target, *bases)))
        data = home()
        try:
            if namespace.enter(command, tools, {"EXAI_TESTS_HOME": str(data)}):
                raise SystemExit("docker tests: the stand-ins could not be built")
        finally:
            engine.remove(data)

    return cache.kept("images", key, build)


def _build_images(tools: Path, target: Path, *bases: Path) -> None:
    with engine.running(Path(os.environ["EXAI_TESTS_HOME"]), tools) as running:
        images.build(running, bases, target / "images.tar")


if __name__ == "__main__":
    if namespace.inside():
        _build_images(*map(Path, sys.argv[1:]))
    else:
        refused = namespace.refusal()
        print(f"docker tests: skipped, {refused}" if refused else Prepared.made())  # noqa: T201
