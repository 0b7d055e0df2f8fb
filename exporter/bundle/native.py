"""The bundle as plain processes of this machine, watched by supervisord."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from functools import partial

from exporter import preflight, storage, tokens
from exporter.bundle import (
    backfill,
    companions,
    environment,
    environment_label,
    ports,
    postgres,
    processes,
    programs,
    readiness,
    removal,
    simulated,
    targets,
)
from exporter.bundle.demo_environment import is_demo
from exporter.bundle.endpoints import Address, Endpoints
from exporter.bundle.layout import ROOT, Layout
from exporter.bundle.programs import Program
from exporter.bundle.readiness import Say
from exporter.bundle.supervision import SupervisionError, Supervisor
from exporter.bundle.supervisor_config import render_config
from exporter.environment import known
from exporter.read_settings import load

_READY_WITHIN_S = 120
_COMPANION_WITHIN_S = 10
_LEAST_FREE_BYTES = 64 << 20
"""Less, and Prometheus and PostgreSQL cannot start: each allocates whole files."""


class NativeBundle:
    """exporter, Prometheus, Alertmanager, where there is one Grafana, and PostgreSQL where it is asked for."""

    def __init__(self, env: Mapping[str, str], say: Say) -> None:
        self.say = say
        self.kind = "native processes"
        self.endpoints = Endpoints.from_environment(env)
        self.layout = Layout.from_environment(env)
        self.own_postgres = postgres.is_wanted(env, self.layout)
        self.own_sources = frozenset({"postgres"} if self.own_postgres else ())
        # Without the choice itself: the PostgreSQL stays once it is made, and its next `up` has the same settings.
        # Without unknown settings: this command has warned about them, and the programs would warn again.
        kept = {key: value for key, value in env.items() if key != postgres.CHOICE and not known.is_unknown(key)}
        self.env = {**kept, "EXAI_DATABASE_URL": postgres.url(self.layout)} if self.own_postgres else kept
        self.is_demo = is_demo(env)
        self.supervisor = Supervisor(self.layout)
        self._started = False
        self.grafana_password = f"Grafana's user is admin, its password is in {self.layout.grafana_password}"
        self.hints = (
            f"What pushes events sends the token in {self.layout.state / 'push-token'}",
            f"Logs are in {self.layout.logs}",
        )

    def up(self) -> list[str]:
        """Start what does not run, wait until each part is ready, and return the parts' names.

        When that fails, nothing stays that this call has started.

        Raises:
            StorageError, SettingsError, PortError, SupervisionError, NotReadyError: a part cannot run.
        """
        storage.check(self.layout.state, "EXAI_STATE_DIR", _LEAST_FREE_BYTES)
        preflight.check(load(self._settings()))
        try:
            return self._up()
        except BaseException:
            if self._started:
                self.supervisor.stop()
            raise

    def _up(self) -> list[str]:
        wanted = programs.all_programs(self.endpoints, self.layout, self.env)
        parts = [program.name for program in wanted]
        self.layout.make_directories()
        with self._alone():
            database = self._database()
            beside = companions.companions(self.endpoints, self.layout, self.env)
            others = companions.programs(beside, self.layout, self.say)
            self._supervise([*database, *others, *wanted])
            self._start_database(database)
            self._start_companions(others, {companion.name: companion.address for companion in beside})
            self._start(["exporter"])
            self._lay_out_prometheus({program.name for program in others})
            self._render_notifications()
            self._start(parts[1:])
            for part in ("prometheus", "alertmanager"):
                self.supervisor.reload_program(part)
        return parts

    def down(self) -> None:
        """End exactly what `up` and `demo` started."""
        for name in self.supervisor.stop():
            self.say(f"  ended {name}")

    def demo(self, incident: str | None) -> None:
        """Start the simulated gateway beside the running bundle, which first gets a past."""
        backfill.backfill(self.endpoints.prometheus.url, self.layout.data("prometheus"), self.say)
        self.supervisor.add_program(programs.demo_program(incident))
        if not processes.wait_until(lambda: self.supervisor.states().get("demo") == "RUNNING", 15):
            raise SupervisionError(f"the demo does not run.\n{self.supervisor.complaint('demo') or ''}")

    def status(self) -> Iterator[tuple[str, str, str]]:
        """Name, state and address of each program, also of those that outlived their supervisord."""
        addresses = self.endpoints.parts()
        states = self.supervisor.states()
        for name, state in states.items():
            yield name, self._state(name, state, addresses.get(name)), _url(addresses.get(name))
        if not states and (left := self.supervisor.programs()):
            again = "make demo" if self.is_demo else "make up"
            yield "supervisord", "gone", f"nothing restarts what ends: `{again}` replaces what is left"
            for name in left:
                yield name, "orphaned", _url(addresses.get(name))

    def token(self) -> str:
        """The token that whoever pushes events sends.

        Raises:
            SettingsError: the exporter has not made one yet.
        """
        return tokens.read(self.layout.state / "push-token", "EXAI_STATE_DIR")

    def is_running(self) -> bool:
        """Whether any process of this bundle lives."""
        return bool(processes.owned_by(self.layout.state))

    def holds_simulated(self) -> bool:
        """Whether a demo of 0.1 ran in this state directory."""
        return simulated.in_state(self.layout)

    def stored(self) -> list[str]:
        """Name each path that `remove_stored` removes, with its size."""
        return [f"{path} ({removal.size_of(path)})" for path in self.layout.own_paths()]

    def remove_stored(self) -> None:
        """Remove all that this bundle has written, and nothing else that lies beside it."""
        removal.remove(self.layout)

    def _database(self) -> list[Program]:
        if not self.env.get("EXAI_DATABASE_URL"):
            return []
        if not self.own_postgres:
            return [postgres.upkeep_program()]
        postgres.make(self.layout)
        return [postgres.server_program(self.layout), postgres.upkeep_program()]

    def _start_database(self, database: list[Program]) -> None:
        """The bundle's own has its schema before anything reads it; another's is waited for by whoever does."""
        if self.own_postgres:
            self.supervisor.start_program("postgres")
            done = self._run("bundle", "database", "--once")
            if done.returncode:
                raise SupervisionError(f"{done.stderr}{self.supervisor.complaint('postgres') or ''}")
            self.say("  postgres      has its schema")
        for program in database:
            self.supervisor.start_program(program.name)

    def _start_companions(self, programs: list[Program], addresses: Mapping[str, Address]) -> None:
        """Wait until they listen: the targets that are laid out next are those that answer."""
        for program in programs:
            self.supervisor.start_program(program.name)
            processes.wait_until(partial(_is_taken, addresses[program.name]), _COMPANION_WITHIN_S)

    def _supervise(self, wanted: list[Program]) -> None:
        config, settings = render_config(wanted, self.layout), self._settings()
        listening = readiness.addresses(self.endpoints, [program.name for program in wanted])
        ports.check(listening, self.layout.state)
        if self.supervisor.runs_with(settings):
            self.supervisor.update(config)
            return
        if gone := self.supervisor.stop():
            self.say(f"  replacing {', '.join(gone)}")
            ports.check(listening, self.layout.state)
        self._started = True
        self.supervisor.start(config, {**environment.ambient(self.env), **settings})

    def _start(self, parts: list[str]) -> None:
        for part in parts:
            self.supervisor.start_program(part)
        waiting = readiness.addresses(self.endpoints, parts)
        readiness.wait_for(waiting, self.say, _READY_WITHIN_S, self.supervisor.complaint)

    def _lay_out_prometheus(self, companions: Set[str]) -> None:
        """Give Prometheus its files; the demo's scrapes no exporter that watches a real Redis or PostgreSQL."""
        own = {"node", *({"postgres"} if "postgres-exporter" in companions else ())}
        environment = self.env.get(environment_label.VARIABLE, "")
        targets.lay_out(self.endpoints, self.layout, environment, own if self.is_demo else targets.COMPANIONS)

    def _render_notifications(self) -> None:
        done = self._run("alerts", "render", "--output", str(self.layout.alertmanager))
        if done.returncode:
            raise SupervisionError(f"Alertmanager's configuration cannot be made: {done.stdout}{done.stderr}")
        self.say(f"  {done.stdout.splitlines()[0]}")

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the exporter as the bundle's programs are run."""
        command = (sys.executable, "-m", "exporter", *arguments)
        env = {**self.env, **self._settings()}
        return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)

    def _settings(self) -> dict[str, str]:
        """Return what the bundle's programs are told."""
        return environment.settings(self.env, self.endpoints, self.layout)

    def _state(self, name: str, state: str, address: Address | None) -> str:
        if state not in {"STARTING", "RUNNING"} or address is None:
            return state.lower()
        return "ready" if readiness.ask(name, address).ready else "not ready"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two `up` at the same time take turns."""
        with (self.layout.supervisor / "up.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _is_taken(address: Address) -> bool:
    return not ports.is_free(address)


def _url(address: Address | None) -> str:
    return address.url if address else ""
