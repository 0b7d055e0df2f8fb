"""supervisord for one state directory: its start, its end, and what it tells."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from exporter.bundle import processes
from exporter.bundle.layout import Layout
from exporter.bundle.programs import Program
from exporter.bundle.supervisor_config import program_section

_LONGEST_SOCKET_PATH = 100
_DAEMON = "supervisord"
_STARTABLE = frozenset({"STOPPED", "EXITED", "FATAL"})


class SupervisionError(Exception):
    """supervisord cannot be started or reached; the text says why."""


class Supervisor:
    """The supervisord of one bundle, running or not."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.socket = layout.supervisor / "supervisord.sock"
        self.config = layout.supervisor / "supervisord.conf"
        self.extra = layout.supervisor / "demo.conf"

    def runs_with(self, settings: Mapping[str, str]) -> bool:
        """Return whether a living supervisord has these settings."""
        daemon = self._daemon()
        if daemon is None or not self.states():
            return False
        with suppress(psutil.NoSuchProcess):
            return settings.items() <= daemon.environ().items()
        return False

    def start(self, config: str, env: Mapping[str, str]) -> None:
        """Start a new supervisord that outlives this process; its programs wait for `start_program`."""
        self._check_path()
        self.extra.unlink(missing_ok=True)
        _write_private(self.config, config)
        marked = {**env, processes.OWNER: str(self.layout.state)}
        command = (sys.executable, "-m", "supervisor.supervisord", "-c", str(self.config))
        done = subprocess.run(command, env=marked, capture_output=True, text=True, check=False)
        if done.returncode or not processes.wait_until(lambda: bool(self.states()), 15):
            raise SupervisionError(f"supervisord did not start: {done.stdout}{done.stderr}")

    def stop(self) -> list[str]:
        """End supervisord and everything that the bundle started, orphans too; returns their names."""
        owned = processes.owned_by(self.layout.state)
        names = sorted(_describe(process) for process in owned)
        daemon = self._daemon()
        if daemon is not None:
            processes.end([daemon], grace_s=90)
        processes.end(processes.owned_by(self.layout.state))
        return names

    def programs(self) -> list[str]:
        """Return the names of the programs that live, supervised or not."""
        found = (_name(process) for process in processes.owned_by(self.layout.state))
        return sorted({name for name in found if name and name != _DAEMON})

    def states(self) -> dict[str, str]:
        """Each program's state in supervisor's words, empty when no supervisord answers."""
        try:
            return {info["name"]: info["statename"] for info in self._calls.getAllProcessInfo()}
        except (OSError, Fault):
            return {}

    def start_program(self, name: str) -> None:
        """Start a program unless it runs."""
        if self.states().get(name) in _STARTABLE:
            with suppress(Fault):
                self._calls.startProcess(name, False)

    def reload_program(self, name: str) -> None:
        """Tell a running program to read its files anew (SIGHUP)."""
        with suppress(Fault):
            self._calls.signalProcess(name, "HUP")

    def update(self, config: str) -> None:
        """Give a running supervisord another configuration; programs that it does not change go on running."""
        _write_private(self.config, config)
        self._reload()

    def add_program(self, program: Program) -> None:
        """Run one more program, in the place of an older one of its name."""
        _write_private(self.extra, program_section(program, self.layout))
        self._reload()
        self.start_program(program.name)

    def complaint(self, name: str) -> str | None:
        """Why a program does not stay up: the end of its log; None while it does."""
        if self.states().get(name) not in {"FATAL", "BACKOFF", None}:
            return None
        log = self.layout.log(name)
        lines = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []
        return "\n".join((f"The end of {log}:", *lines))

    def _reload(self) -> None:
        added, changed, removed = self._calls.reloadConfig()[0]
        for name in {*changed, *removed}:
            self._calls.stopProcessGroup(name)
            self._calls.removeProcessGroup(name)
        for name in {*added, *changed}:
            self._calls.addProcessGroup(name)

    def _check_path(self) -> None:
        path = str(self.socket)
        if len(path) > _LONGEST_SOCKET_PATH:
            raise SupervisionError(f"{path} is too long for a socket: choose a shorter EXAI_STATE_DIR")
        # supervisor expands some values twice, so that no escape fits all.
        if "%" in path:
            raise SupervisionError(f"supervisor cannot use {path}: choose an EXAI_STATE_DIR without %")

    @property
    def _calls(self) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        return ServerProxy("http://127.0.0.1", transport=transport).supervisor

    def _daemon(self) -> psutil.Process | None:
        for process in processes.owned_by(self.layout.state):
            with suppress(psutil.Error):
                if "supervisor.supervisord" in process.cmdline():
                    return process
        return None


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _describe(process: psutil.Process) -> str:
    name = _name(process)
    return f"{name} (pid {process.pid})" if name else f"pid {process.pid}"


def _name(process: psutil.Process) -> str | None:
    """Return the program's name as supervisor hands it to what it starts; None if the process has ended."""
    with suppress(psutil.Error):
        return process.environ().get("SUPERVISOR_PROCESS_NAME", _DAEMON)
    return None
