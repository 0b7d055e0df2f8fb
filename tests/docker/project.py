"""A copy of the working tree that is brought up by Compose under a project name of its own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporter.bundle.demo_environment import PROJECT as DEMO
from tests.bundle.conftest import clone_tree
from tests.docker import images, session
from tests.docker.engine import Engine
from tests.tree import checkout

_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"


@dataclass(frozen=True)
class Flavour:
    """A Compose, and whether containers are created by one command and started by another."""

    name: str
    command: tuple[str, ...]
    created_first: bool = False


FLAVOURS = (
    Flavour("compose-1.29", ("docker-compose",)),
    Flavour("compose-5", ("docker", "compose")),
    # Compose 1.29 cannot: its `up --no-start` waits for the end of containers that it has not started.
    Flavour("created-first", ("docker", "compose"), created_first=True),
)


class Project:
    """A tree in which `make` and Compose run, and what came of it in the engine."""

    def __init__(self, engine: Engine, flavour: Flavour, root: Path, name: str) -> None:
        self.engine = engine
        self.flavour = flavour
        self.root = root
        self.name = name
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("EXAI_", "GRAFANA_", "COMPOSE_"))
        }
        config = session.config(engine, plugin=flavour.command[0] == "docker")
        self.env = {**kept, "COMPOSE_PROJECT_NAME": name, "DOCKER_CONFIG": str(config), "PYTHONPATH": str(root)}

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the tree for at most four minutes; its output, whatever its exit status."""
        return subprocess.run(
            command, cwd=self.root, env={**self.env, **variables}, capture_output=True, text=True, check=False,
            timeout=240, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def checked(self, *command: str, **variables: str) -> str:
        """Run a command in the tree and return all that it prints; AssertionError with that when it fails."""
        done = self.run(*command, **variables)
        printed = done.stdout + done.stderr
        assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}\n{printed}"
        return printed

    def make(self, *arguments: str, **variables: str) -> str:
        """Run make, which finds the flavour's Compose and no other."""
        return self.checked("make", *arguments, **variables)

    def compose(self, *arguments: str, **variables: str) -> str:
        """Run the flavour's Compose."""
        return self.checked(*self.flavour.command, *arguments, **variables)

    def up(self, *options: str, **variables: str) -> None:
        """Start everything in the background, in the flavour's order."""
        if self.flavour.created_first:
            self.compose("up", "--no-start", *options, **variables)
            self.compose("start", **variables)
        else:
            self.compose("up", "--detach", *options, **variables)

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return the description of each container, ended ones included, by its service."""
        found = self.engine.containers(**{_PROJECT: self.name})
        return {container["Config"]["Labels"][_SERVICE]: container for container in found}

    def container(self, service: str) -> dict[str, Any]:
        """Return the description of a service's container; KeyError when there is none."""
        return self.containers()[service]

    def state(self, service: str) -> str:
        """`running`, `exited`, …, and where it has a healthcheck `healthy`, `unhealthy` or `starting`."""
        state = self.container(service)["State"]
        running = state["Status"] == "running" and "Health" in state
        return str(state["Health"]["Status"] if running else state["Status"])

    def exec(self, service: str, *command: str, user: str = "") -> str:
        """Run a command in a service's container and return what it prints."""
        option = ("--user", user) if user else ()
        return self.engine.docker("exec", *option, self.container(service)["Id"], *command)

    def logs(self, service: str) -> str:
        """Everything that a service has printed."""
        command = ("docker", "logs", self.container(service)["Id"])
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout

    def volume(self, name: str) -> Path:
        """The directory that holds a volume's files."""
        return Path(self.engine.inspect(f"{self.name}_{name}")[0]["Mountpoint"])

    def volumes(self) -> list[str]:
        """The names of the project's volumes."""
        return self.engine.docker("volume", "ls", "--quiet", f"--filter=label={_PROJECT}={self.name}").split()

    @property
    def demo(self) -> Project:
        """The demo that `make demo` starts in this tree."""
        return Project(self.engine, self.flavour, self.root, DEMO)

    def remove(self) -> None:
        """Remove its containers, networks and volumes, without the file under test."""
        label = f"--filter=label={_PROJECT}={self.name}"
        docker = self.engine.docker
        if containers := docker("ps", "--all", "--quiet", label).split():
            docker("rm", "--force", "--volumes", *containers)
        if networks := docker("network", "ls", "--quiet", label).split():
            docker("network", "rm", *networks)
        if volumes := self.volumes():
            docker("volume", "rm", *volumes)


@contextmanager
def project(engine: Engine, flavour: Flavour, name: str = "exai", commit: str | None = None) -> Iterator[Project]:
    """Copy the working tree, or a commit's, give the stand-ins the names it uses, and remove all of it after."""
    with tempfile.TemporaryDirectory(prefix="exai-docker-") as directory:
        root = Path(directory) / "exai"
        root.mkdir(mode=0o755)
        if commit:
            checkout(commit, root)
        else:
            clone_tree(root)
        images.tag(engine, images.pinned(root))
        made = Project(engine, flavour, root, name)
        try:
            yield made
        finally:
            made.remove()
            made.demo.remove()
