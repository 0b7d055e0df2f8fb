"""Real servers for tests, on free ports, always ended: Redis, Prometheus, Alertmanager, the exporter."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import Any, TypeVar

from exporter.bundle.programs import RECEIVERS_IN_METRICS, knows

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = "127.0.0.1"
PACKAGES = {
    "redis-server": "redis-server",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "node_exporter": "prometheus-node-exporter",
    "openssl": "openssl",
    "pg_prove": "libtap-parser-sourcehandler-pgtap-perl",
}
"""Which of Debian's packages brings a binary. Debian prefixes some names by `prometheus-`."""


def binary(name: str) -> str:
    """The path of an installed binary under its own name, else under Debian's.

    Raises:
        AssertionError: it is missing; names the package to install.
    """
    path = shutil.which(name) or shutil.which(f"prometheus-{name.replace('_', '-')}")
    if path is None:
        raise AssertionError(f"{name} is missing: apt-get install {PACKAGES[name]}")
    return path


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], timeout_s: float = 30, what: str = "") -> None:
    """Return once `condition()` is true; AssertionError naming `what` when it is not within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what or condition}")
        pause.wait(0.05)


def http_ok(url: str) -> bool:
    """Whether a GET of `url` answers 200 now."""
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:  # noqa: S310
            return bool(reply.status == 200)
    except (OSError, HTTPException):
        return False


def answers(port: int, path: str = "/-/ready") -> Callable[[], bool]:
    """A condition: a GET of `path` on a loopback port answers 200."""
    return lambda: http_ok(f"http://{LOOPBACK}:{port}{path}")


def port_open(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False


def get_text(url: str) -> str:
    """Return the text at `url`."""
    with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310
        return str(reply.read().decode())


def get_json(url: str) -> Any:
    """Return the JSON document at `url`."""
    return json.loads(get_text(url))


@dataclass
class Server:
    """A process in a group of its own, which can be killed and started again on the same port and files."""

    argv: Sequence[str]
    port: int
    log: Path
    ready: Callable[[], bool]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def address(self) -> str:
        """`host:port`, as a scrape target is written."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://{self.address}"

    def start(self) -> None:
        """Start the process and return when it is ready; AssertionError with its log when it is not."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv, stdout=log, stderr=log, env=self.env, cwd=self.cwd, start_new_session=True
            )
        try:
            wait_until(self._ready_or_dead, what=f"{self.argv[0]} ready")
            if self.process.poll() is not None:
                raise AssertionError(f"{self.argv[0]} ended with {self.process.returncode}")
        except BaseException as failure:
            self.kill()
            failure.add_note(self.log.read_text(errors="replace")[-4000:])
            raise

    def kill(self) -> None:
        """SIGKILL to the whole group, and wait until the process has ended."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, ten seconds to end in good order, then SIGKILL for what is left of the group."""
        with suppress(subprocess.TimeoutExpired):
            self._end(signal.SIGTERM, timeout_s=10)
        self.kill()

    def _ready_or_dead(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None or self.ready()

    def _end(self, by: signal.Signals, timeout_s: float | None = None) -> None:
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, by)
        self.process.wait(timeout_s)


class Redis(Server):
    """A Redis that has written each command to its disk before it answers."""

    @property
    def url(self) -> str:
        """What EXAI_REDIS_URL takes."""
        return f"redis://{self.address}/0"


class Prometheus(Server):
    """A Prometheus that runs the shipped configuration and rules."""

    def query(self, promql: str, at: float | None = None) -> list[dict[str, Any]]:
        """Return the result of an instant query, now or at a Unix time: `{"metric": labels, "value": [time, text]}`."""
        query = urllib.parse.urlencode({"query": promql, **({} if at is None else {"time": at})})
        return list(get_json(f"{self.url}/api/v1/query?{query}")["data"]["result"])

    def value(self, promql: str, at: float | None = None) -> float | None:
        """Return the value of the first series of an instant query, now or at a Unix time; None if there is none."""
        result = self.query(promql, at)
        return float(result[0]["value"][1]) if result else None

    def firing(self, alert: str) -> list[dict[str, str]]:
        """The label sets with which an alert fires now."""
        return [row["metric"] for row in self.query(f'ALERTS{{alertname="{alert}",alertstate="firing"}}')]


class Alertmanager(Server):
    """An Alertmanager without its cluster."""

    def post(self, *alerts: Mapping[str, Any]) -> None:
        """Hand alerts over, as Prometheus does: `{"labels": …, "annotations": …}` and times if need be."""
        self._post("alerts", alerts)

    def silence(self, starts: datetime, ends: datetime, **labels: str) -> str:
        """Silence the alerts with these labels; the silence's id."""
        matchers = [{"name": name, "value": value, "isRegex": False} for name, value in labels.items()]
        said = {"startsAt": starts.isoformat(), "endsAt": ends.isoformat(), "createdBy": "test", "comment": "test"}
        return str(json.loads(self._post("silences", {"matchers": matchers, **said}))["silenceID"])

    def _post(self, what: str, body: Any) -> bytes:
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/api/v2/{what}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            return bytes(reply.read())


AnyServer = TypeVar("AnyServer", bound=Server)


@contextmanager
def kept_running(server: AnyServer) -> Iterator[AnyServer]:
    """Start a server, and end it whatever happens."""
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def running(
    argv: Sequence[str],
    *,
    ready: Callable[[], bool],
    log: Path,
    port: int = 0,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[Server]:
    """Run any other server, from when `ready()` is true until the block ends."""
    with kept_running(Server(argv, port, log, ready, env, cwd)) as server:
        yield server


@contextmanager
def redis_server(tmp_path: Path, port: int | None = None) -> Iterator[Redis]:
    """A Redis that loses nothing; `kill()` and `start()` restart it on the same port and data."""
    port = port or free_port()
    data = tmp_path / "redis"
    data.mkdir(exist_ok=True)
    argv = [binary("redis-server"), "--bind", LOOPBACK, "--port", str(port), "--dir", str(data)]
    argv += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
    with kept_running(Redis(argv, port, tmp_path / "redis.log", lambda: redis_answers(port))) as server:
        yield server


def redis_answers(port: int) -> bool:
    """Whether a Redis has read its data back and takes commands."""
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")
    return False


def write_targets(directory: Path, targets: Mapping[str, Sequence[str]]) -> None:
    """Write one file_sd file a job, as prometheus.yml reads them."""
    directory.mkdir(parents=True, exist_ok=True)
    for job, addresses in targets.items():
        path = directory / f"{job.removeprefix('exai-')}.yml"
        path.write_text(json.dumps([{"targets": list(addresses)}]))


@contextmanager
def prometheus_server(
    tmp_path: Path,
    targets: Mapping[str, Sequence[str]],
    alertmanager: str | None = None,
    flags: Sequence[str] | None = None,
) -> Iterator[Prometheus]:
    """The shipped Prometheus with `{job: ["host:port"]}` as its targets; alerts go to `alertmanager`.

    `flags` replaces the shipped ones.
    """
    home, port = tmp_path / "prometheus", free_port()
    home.mkdir()
    shutil.copy(ROOT / "prometheus/prometheus.yml", home)
    shutil.copytree(ROOT / "prometheus/rules", home / "rules")
    write_targets(home / "targets", {**targets, **({"alertmanager": [alertmanager]} if alertmanager else {})})
    argv = [binary("prometheus"), f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/data"]
    shipped = (ROOT / "prometheus/flags").read_text().split()
    argv += [f"--web.listen-address={LOOPBACK}:{port}", *(shipped if flags is None else flags)]
    with kept_running(Prometheus(argv, port, tmp_path / "prometheus.log", answers(port))) as server:
        yield server


@cache
def prometheus_version() -> tuple[int, ...]:
    """Return the version of the installed Prometheus."""
    told = subprocess.run([binary("prometheus"), "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version (\d+)\.(\d+)", told.stdout + told.stderr)
    assert found, told
    return int(found[1]), int(found[2])


@cache
def counts_by_receiver() -> bool:
    """Return whether the installed Alertmanager can; Debian's 0.25 cannot."""
    return knows(binary("alertmanager"), RECEIVERS_IN_METRICS)


@contextmanager
def alertmanager_server(tmp_path: Path, config: Path) -> Iterator[Alertmanager]:
    """An Alertmanager that runs the configuration file `config`, and tells receivers apart if it can."""
    port = free_port()
    argv = [binary("alertmanager"), f"--config.file={config}", "--cluster.listen-address="]
    argv += [f"--storage.path={tmp_path}/alertmanager", f"--web.listen-address={LOOPBACK}:{port}"]
    argv += [f"--enable-feature={RECEIVERS_IN_METRICS}"] if counts_by_receiver() else []
    with kept_running(Alertmanager(argv, port, tmp_path / "alertmanager.log", answers(port))) as server:
        yield server


@contextmanager
def exporter_server(tmp_path: Path, env: Mapping[str, str] | None = None, code: Path = ROOT) -> Iterator[Server]:
    """The exporter with its state in `tmp_path/state`; `kill()` and `start()` restart it on that state.

    `code` is the checkout it runs from.
    """
    port = free_port()
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("EXAI_")}
    ours = {"EXAI_LISTEN": f"{LOOPBACK}:{port}", "EXAI_STATE_DIR": str(tmp_path / "state"), "EXAI_ENV_FILE": os.devnull}
    argv = [sys.executable, "-m", "exporter", "serve"]
    environment = {**inherited, **ours, **(env or {})}
    log = tmp_path / "exporter.log"
    with kept_running(Server(argv, port, log, answers(port, "/readyz"), environment, code)) as server:
        yield server
