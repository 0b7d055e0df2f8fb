"""The bundle as containers, by docker-compose.yml."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from exporter.bundle import readiness
from exporter.bundle.data_source import data_source
from exporter.bundle.endpoints import LOOPBACK, Endpoints
from exporter.bundle.layout import ROOT
from exporter.bundle.programs import demo_arguments
from exporter.bundle.readiness import Say

PARTS = ["exporter", "prometheus", "alertmanager", "grafana"]
_SHOW = "docker compose exec exporter cat /var/lib/exai"
_READY_WITHIN_S = 180


class ComposeError(Exception):
    """Docker Compose is missing or failed; the text says which."""


def engine_answers() -> bool:
    """Whether a Docker engine can be used by this user."""
    if not shutil.which("docker"):
        return False
    try:
        done = subprocess.run(("docker", "info"), capture_output=True, timeout=15, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def compose_command() -> tuple[str, ...]:
    """Compose 2 where Docker has it, else docker-compose; ComposeError when there is neither."""
    if subprocess.run(("docker", "compose", "version"), capture_output=True, check=False).returncode == 0:
        return ("docker", "compose")
    if shutil.which("docker-compose"):
        return ("docker-compose",)
    raise ComposeError("Docker answers but has no Compose: apt-get install docker-compose")


class ComposeBundle:
    """The services of docker-compose.yml on the ports that it publishes."""

    def __init__(self, env: Mapping[str, str], say: Say) -> None:
        self.env = {**env, **data_source(env)}
        self.say = say
        self.kind = "containers"
        self.grafana_password = f"Grafana's user is admin; its password: {_SHOW}/grafana-password"
        self.hints = (f"What pushes events sends the token: {_SHOW}/push-token", "Logs: docker compose logs")
        bind = env.get("EXAI_BIND") or LOOPBACK
        self.endpoints = Endpoints.from_environment({"EXAI_BIND": bind})

    def up(self) -> list[str]:
        """Build, start, wait until each part is ready, and return the parts' names."""
        # Where another database is named, ours has nothing to do.
        idle = ("--scale", "postgres=0") if self.env.get("EXAI_DATABASE_URL") else ()
        self._compose("up", "--detach", "--build", *idle)
        # `--wait` is newer than docker-compose 1.29 and takes the end of a one-shot service for a failure.
        readiness.wait_for(readiness.addresses(self.endpoints, PARTS), self.say, _READY_WITHIN_S)
        self._compose("kill", "-s", "SIGHUP", "prometheus", "alertmanager")
        return PARTS

    def down(self) -> None:
        """End and remove the containers; the volumes with their data stay."""
        self._compose("--profile", "demo", "down")

    def demo(self, incident: str | None) -> None:
        """Start the simulated gateway as one more container."""
        arguments = " ".join(demo_arguments(incident))
        self._compose("--profile", "demo", "up", "--detach", "demo", DEMO_ARGUMENTS=arguments)

    def status(self) -> Iterator[tuple[str, str, str]]:
        """Name, state and address of each part."""
        for name, address in self.endpoints.parts().items():
            yield name, "ready" if readiness.ask(name, address).ready else "not ready", address.url

    def is_running(self) -> bool:
        """Whether a container of this project exists."""
        listed = subprocess.run(
            (*compose_command(), "--profile", "demo", "ps", "-q"), cwd=ROOT, capture_output=True, check=False
        )
        return bool(listed.stdout.strip())

    def _compose(self, *arguments: str, **variables: str) -> None:
        command: Sequence[str] = (*compose_command(), *arguments)
        done = subprocess.run(command, cwd=ROOT, env={**self.env, **variables}, check=False)
        if done.returncode:
            raise ComposeError(f"{' '.join(command)} ended with {done.returncode}")
