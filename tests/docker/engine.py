"""A Docker engine of our own, started by hand within the namespaces of `tests.docker.namespace`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from tests.docker import namespace
from tests.servers import wait_until

GATEWAY = "172.17.0.1"
"""The host's address on Docker's bridge, which is also what `host-gateway` stands for."""


class DockerError(Exception):
    """A docker command failed; the text is what it printed."""


class Engine:
    """A dockerd with its data in a directory of ours, and the docker command."""

    def __init__(self, home: Path, tools: Path) -> None:
        self.home = home
        self.log = home / "dockerd.log"
        self._tools = tools
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start dockerd and return when it answers; AssertionError with its log when it does not."""
        config = self.home / "daemon.json"
        config.write_text("{}")
        command = ["dockerd", "--config-file", str(config), "--data-root", str(self.home / "data")]
        command += ["--bip", f"{GATEWAY}/16", "--cgroup-parent", f"/{namespace.cgroup()}"]
        (library,) = (self._tools / "usr/lib").glob("*-linux-gnu")
        environment = {
            **os.environ,
            "LD_LIBRARY_PATH": f"{library}:{self._tools / 'lib' / library.name}",
            "XTABLES_LIBDIR": str(library / "xtables"),
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        try:
            wait_until(lambda: self._ended() or self.answers(), what="dockerd")
            assert not self._ended(), f"dockerd ended with {self._process.returncode}"
        except AssertionError as failure:
            failure.add_note(self.log.read_text(errors="replace")[-4000:])
            raise

    def stop(self) -> None:
        """End dockerd in good order, as a reboot does: every container gets SIGTERM and its time."""
        if self._process and not self._ended():
            self._process.terminate()
            try:
                self._process.wait(90)
            except subprocess.TimeoutExpired:
                self.crash()

    def crash(self) -> None:
        """SIGKILL to dockerd, containerd and every container, as a power failure does."""
        if self._process:
            self._process.kill()
            self._process.wait()
        own = {1, os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
        kept = own | {child.pid for child in psutil.Process().children(recursive=True)}
        for process in psutil.process_iter():
            if process.pid not in kept:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        Path("/run/docker.pid").unlink(missing_ok=True)

    def restart(self) -> None:
        """Stop and start it; containers come back by their restart policy alone."""
        self.stop()
        self.start()

    def answers(self) -> bool:
        """Whether the engine answers now."""
        return subprocess.run(("docker", "info"), capture_output=True, check=False).returncode == 0

    def docker(self, *arguments: str, env: Mapping[str, str] | None = None, timeout_s: float = 300) -> str:
        """Run docker and return what it prints; DockerError with all of that when it fails."""
        done = subprocess.run(
            ("docker", *arguments), capture_output=True, text=True, check=False, timeout=timeout_s,
            env={**os.environ, **(env or {})},
        )  # fmt: skip
        if done.returncode:
            raise DockerError(f"docker {' '.join(arguments)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def inspect(self, *names: str) -> list[dict[str, Any]]:
        """Return what docker knows about containers, images, volumes or networks."""
        return list(json.loads(self.docker("inspect", *names)))

    def containers(self, **labels: str) -> list[dict[str, Any]]:
        """Return what docker knows about all containers with these labels, ended ones included."""
        filters = [f"--filter=label={name}={value}" for name, value in labels.items()]
        found = self.docker("ps", "--all", "--quiet", *filters).split()
        return self.inspect(*found) if found else []

    def share_mounts(self, shared: bool) -> None:
        """Make `/` a shared mount, as systemd does, or a private one, as Docker Desktop and many a NAS have it."""
        subprocess.run(("mount", "--make-rshared" if shared else "--make-rprivate", "/"), check=True)

    def _ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None


@contextmanager
def running(home: Path, tools: Path) -> Iterator[Engine]:
    """Run an engine with its data in `home`, and end it with all of its containers."""
    engine = Engine(home, tools)
    home.mkdir(parents=True, exist_ok=True)
    try:
        engine.start()
        yield engine
    finally:
        engine.crash()


def remove(home: Path) -> None:
    """Remove an engine's data, once its namespaces have ended."""
    shutil.rmtree(home, ignore_errors=True)
