"""Server processes that are measured from outside, and ended whatever happens."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from exporter.conventions import CONNECTION_ERRORS, CONNECTION_EVENTS, CONNECTION_RESPONSE

LOOPBACK = "127.0.0.1"
_ROOT = Path(__file__).resolve().parent.parent
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_READY_WITHIN_S = 60.0
_ENDED_WITHIN_S = 20.0
ALLOCATOR = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""The environment of malloc that the bundle starts the exporter with."""

BUDGETS = {family.name: 100_000 for family in (CONNECTION_EVENTS, CONNECTION_RESPONSE, CONNECTION_ERRORS)}
"""Room for 100,000 series."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that runs, and the port that it listens on."""

    pid: int
    port: int

    def cpu_s(self) -> float:
        """Seconds of CPU that all its threads have used, in steps of 10 ms."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / _TICKS_A_SECOND

    def threads_cpu_s(self) -> dict[str, float]:
        """Seconds of CPU that each of its threads has used."""
        spent = (task / "schedstat" for task in Path(f"/proc/{self.pid}/task").iterdir())
        return {path.parent.name: int(path.read_text().split()[0]) / 1e9 for path in spent}

    def memory_bytes(self, field: str) -> int:
        """VmRSS, what is resident now, or VmHWM, the most that ever was."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        found = next(line for line in lines if line.startswith(f"{field}:"))
        return int(found.split()[1]) * 1024

    def settle(self, quiet_s: float = 0.4) -> None:
        """Waits until it does nothing that could be measured any more."""
        used = -1.0
        while (now := self.cpu_s()) > used + 1 / _TICKS_A_SECOND:
            used = now
            time.sleep(quiet_s)


@contextmanager
def running(
    argv: Sequence[str], port: int, directory: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """Runs a server from when its port answers until the block ends; its output goes to a file."""
    log = directory / f"{Path(argv[0]).name}-{port}.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            argv, stdout=output, stderr=output, cwd=_ROOT, env={**os.environ, **(environment or {})}
        )
    try:
        wait_until(lambda: child.poll() is not None or port_answers(port), f"{argv[0]} listens")
        if child.poll() is not None:
            raise RuntimeError(f"{argv[0]} ended: {log.read_text(errors='replace')[-2000:]}")
        yield Process(child.pid, port)
    finally:
        _end(child)


@contextmanager
def exporter(directory: Path, *, redis_url: str = "") -> Iterator[Process]:
    """`python -m exporter serve` as the bundle runs it, with room for 100,000 series and its state in `directory`."""
    port = free_port()
    config = directory / "exporter.yml"
    config.write_text(yaml.safe_dump({"budgets": BUDGETS}))
    environment = {key: "" for key in os.environ if key.startswith("EXAI_")}
    environment |= {
        "EXAI_LISTEN": f"{LOOPBACK}:{port}",
        "EXAI_STATE_DIR": str(directory),
        "EXAI_CONFIG": str(config),
        "EXAI_ENV_FILE": os.devnull,
        "EXAI_REDIS_URL": redis_url,
        **ALLOCATOR,
    }
    with running([sys.executable, "-m", "exporter", "serve"], port, directory, environment) as process:
        yield process


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def port_answers(port: int) -> bool:
    """Whether something accepts connections."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def wait_until(condition: Callable[[], bool], what: str, within_s: float = _READY_WITHIN_S) -> None:
    """Returns once the condition is true; TimeoutError that says what was waited for."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s:g} s: {what}")
        time.sleep(0.02)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_ENDED_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
