"""The bundle as containers, by docker-compose.yml."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from exporter.alerts import channels
from exporter.bundle import backfill, ports, readiness, simulated
from exporter.bundle.data_source import data_source
from exporter.bundle.demo_environment import PROJECT_VARIABLE, is_demo
from exporter.bundle.endpoints import Endpoints
from exporter.bundle.layout import ROOT
from exporter.bundle.loopback import refuse_loopback
from exporter.bundle.programs import demo_arguments
from exporter.bundle.readiness import NotReadyError, Say

PARTS = ["exporter", "prometheus", "alertmanager", "grafana"]
_STORES = {"redis": "EXAI_REDIS_URL", "postgres": "EXAI_DATABASE_URL"}
"""The bundle's own stores, and the variable that names another in its place."""

_SOURCES = {"EXAI_REDIS_URL": ("redis_zset", "redis_stream"), "EXAI_DATABASE_URL": ("postgres",)}
"""Each of these variables, and the exporter's sources that read what it names."""

_REMOTE = ("tcp://", "ssh://")
"""How DOCKER_HOST begins where the engine publishes ports on another machine."""

_PROFILES = ("demo", "node")
_READY_WITHIN_S = 180
_MOUNTS = Path("/proc/self/mountinfo")


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


def project_name(env: Mapping[str, str]) -> str:
    """Return the name of the Compose project: the one that is set, else the checkout's, as Compose shortens it."""
    return re.sub(r"[^-_a-z0-9]", "", (env.get(PROJECT_VARIABLE) or ROOT.name).lower())


def profiles(env: Mapping[str, str], mounts: Path = _MOUNTS) -> str:
    """Return COMPOSE_PROFILES with `node`, whose node_exporter needs a shared mount, where `/` is one."""
    chosen = [name for name in env.get("COMPOSE_PROFILES", "").split(",") if name]
    try:
        rows = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:  # Docker Desktop on another system.
        rows = []
    shared = any(row[4] == "/" and any(field.startswith("shared:") for field in row[6:]) for row in rows)
    return ",".join([*chosen, *(["node"] if shared and "node" not in chosen else [])])


class ComposeBundle:
    """The services of docker-compose.yml on the ports that it publishes."""

    def __init__(self, env: Mapping[str, str], say: Say) -> None:
        self.endpoints = Endpoints.from_environment({"EXAI_BIND": env.get("EXAI_BIND", "")})
        bind = self.endpoints.exporter.host
        self.env = {
            **env,
            **data_source(env),
            "EXAI_BIND": f"[{bind}]" if ":" in bind else bind,
            "COMPOSE_PROFILES": profiles(env),
            # `env` has the variables of `.env` already, or those of the file that EXAI_ENV_FILE names.
            "COMPOSE_DISABLE_ENV_FILE": "1",
            # An attestation carries the time of the build, and with it every `up` would recreate our containers.
            "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        }
        self.own_sources = frozenset(
            source for key, sources in _SOURCES.items() if not env.get(key) for source in sources
        )
        self.say = say
        self.kind = "containers"
        self.is_demo = is_demo(env)
        self.project = project_name(env)
        self.compose = compose_command()
        # Hints are for a shell that does not know of the demo.
        typed = " ".join([*self.compose, *(["-p", self.project] if self.is_demo else [])])
        show = f"{typed} exec exporter cat /var/lib/exai"
        self.grafana_password = f"Grafana's user is admin; its password: {show}/grafana-password"
        self.hints = (f"What pushes events sends the token: {show}/push-token", f"Logs: {typed} logs")

    def up(self) -> list[str]:
        """Build, start, wait until each part is ready, and return the parts' names.

        When that fails and no container ran before, none stays.

        Raises:
            ComposeError: Compose failed, or a part is not ready in time; the message ends with what was logged.
            PortError: a port that the bundle publishes cannot be listened on.
            ValueError: a URL leads a container to itself, or a secret's file is missing.
        """
        refuse_loopback(self.env)
        self._refuse_missing_secrets()
        if self.is_running():
            return self._up()
        if not self.env.get("DOCKER_HOST", "").startswith(_REMOTE):
            ports.check(self.endpoints.parts(), None, {})
        try:
            return self._up()
        except BaseException:
            with suppress(ComposeError):
                self.down()
            raise

    def _up(self) -> list[str]:
        # Where another store is named, ours has nothing to do.
        idle = [word for store, key in _STORES.items() if self.env.get(key) for word in ("--scale", f"{store}=0")]
        try:
            self._run("up", "--detach", "--build", "--remove-orphans", *idle)
        except ComposeError as failure:
            raise ComposeError(f"{failure}{self._complaint()}") from None
        # `--wait` is newer than docker-compose 1.29.
        try:
            readiness.wait_for(readiness.addresses(self.endpoints, PARTS), self.say, _READY_WITHIN_S)
        except NotReadyError as failure:
            log = self._output("logs", "--no-color", "--tail", "20", failure.part)
            raise ComposeError(f"{failure}\n{log}") from None
        for server in ("prometheus", "alertmanager"):
            # `kill -s SIGHUP` would count as a stop by hand, after which Docker restarts it no more.
            self._run("exec", "-T", server, "kill", "-HUP", "1")
        return PARTS

    def down(self) -> None:
        """End and remove the containers; the volumes with their data stay."""
        self._run(*_every_profile(), "down")

    def demo(self, incident: str | None) -> None:
        """Start the simulated gateway as one more container."""
        arguments = " ".join(demo_arguments(incident))
        self._run("--profile", "demo", "up", "--detach", "demo", DEMO_ARGUMENTS=arguments)

    def status(self) -> Iterator[tuple[str, str, str]]:
        """Name, state and address of each part."""
        for name, address in self.endpoints.parts().items():
            yield name, "ready" if readiness.ask(name, address).ready else "not ready", address.url

    def token(self) -> str:
        """The token that whoever pushes events sends."""
        done = self._output("exec", "-T", "exporter", "cat", "/var/lib/exai/push-token")
        if not done:
            raise ComposeError("the exporter's container does not run: make up")
        return done.strip()

    def is_running(self) -> bool:
        """Whether a container of this project exists."""
        return bool(self._output(*_every_profile(), "ps", "-q").strip())

    def holds_simulated(self) -> bool:
        """Whether a demo of 0.1 left its past in Prometheus, or rows in the bundle's own PostgreSQL."""
        past = self._output("exec", "-T", "prometheus", "ls", f"/prometheus/{backfill.TEXT}")
        rows = ("sh", "-c", f'PGPASSWORD=$(cat /run/exai/password) psql -U postgres -d exai -Atc "{simulated.ROWS}"')
        return bool(past) or self._output("exec", "-T", "postgres", *rows).strip() == "t"

    def stored(self) -> list[str]:
        """Name the project's volumes, which `remove_stored` removes."""
        return [f"Docker volume {name}" for name in self._volumes()]

    def remove_stored(self) -> None:
        """Remove the project's volumes, with the networks and any container that has ended."""
        self._run(*_every_profile(), "down", "--volumes", "--remove-orphans")
        # Those of older versions are not in docker-compose.yml any more.
        if older := self._volumes():
            subprocess.run(("docker", "volume", "rm", *older), stdout=subprocess.DEVNULL, check=True)

    def _volumes(self) -> list[str]:
        command = ("docker", "volume", "ls", "--quiet", "--filter", f"label=com.docker.compose.project={self.project}")
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()

    def _refuse_missing_secrets(self) -> None:
        """Compose 1.29 would make a directory in the place of a file that is missing."""
        for variable in (f"{secret}_FILE" for secret in channels.SECRETS):
            path = self.env.get(variable)
            if path and not (ROOT / Path(path).expanduser()).is_file():
                raise ValueError(f"{variable}: {path} is not a file")

    def _complaint(self) -> str:
        """Return what `setup` says is wrong, if anything."""
        lines = self._output("logs", "--no-color", "--tail", "20", "setup").splitlines()
        said = [line.partition("| ")[2] for line in lines if "| Error: " in line]
        return f"\n{said[-1]}" if said else ""

    def _output(self, *arguments: str) -> str:
        done = subprocess.run(
            (*self.compose, *arguments), cwd=ROOT, env=self.env, capture_output=True, text=True, check=False
        )
        return done.stdout

    def _run(self, *arguments: str, **variables: str) -> None:
        command = (*self.compose, *arguments)
        done = subprocess.run(command, cwd=ROOT, env={**self.env, **variables}, check=False)
        if done.returncode:
            raise ComposeError(f"{' '.join(command)} ended with {done.returncode}")


def _every_profile() -> list[str]:
    return [word for name in _PROFILES for word in ("--profile", name)]
