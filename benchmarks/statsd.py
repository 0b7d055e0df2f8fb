"""The peer statsd_exporter: built by Go into a cache outside the repository, fed over TCP."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from benchmarks.processes import LOOPBACK, Process, free_port, running, wait_until
from benchmarks.stock import error_type, outcome_of
from exporter import conventions as series

NAME = "statsd_exporter"
_PACKAGE = "github.com/prometheus/statsd_exporter@latest"
_BUILT_WITHIN_S = 300


class Missing(RuntimeError):
    """statsd_exporter cannot be had; the text says why."""


def binary() -> str:
    """The path of statsd_exporter, built the first time; Missing where that fails."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exai-benchmarks"
    found = shutil.which(NAME, path=str(cache))
    if found:
        return found
    go = shutil.which("go")
    if not go:
        raise Missing("Go is not there to build it")
    cache.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(
            [go, "install", _PACKAGE],
            env={**os.environ, "GOBIN": str(cache)},
            check=True,
            capture_output=True,
            timeout=_BUILT_WITHIN_S,
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise Missing(f"go install failed: {error}") from error
    return str(cache / NAME)


class Statsd:
    """A statsd_exporter that runs, and the connection that it is fed over."""

    def __init__(self, process: Process, connection: socket.socket) -> None:
        self.process = process
        self._connection = connection

    def send(self, lines: bytes) -> None:
        """Leaves lines to it, and returns when it has worked them off."""
        self._connection.sendall(lines)
        self.process.settle()


@contextmanager
def statsd_exporter(directory: Path) -> Iterator[Statsd]:
    """Runs it with our buckets; Missing where it cannot be had."""
    program = binary()
    web, tcp = free_port(), free_port()
    mapping = directory / "statsd.yml"
    mapping.write_text(yaml.safe_dump(_mapping()))
    argv = [program, f"--web.listen-address={LOOPBACK}:{web}", f"--statsd.listen-tcp={LOOPBACK}:{tcp}"]
    argv += ["--statsd.listen-udp=", f"--statsd.mapping-config={mapping}", "--log.level=error"]
    with running(argv, web, directory) as process:
        connections: list[socket.socket] = []

        def connected() -> bool:
            try:
                connections.append(socket.create_connection((LOOPBACK, tcp)))
            except ConnectionRefusedError:
                return False
            return True

        wait_until(connected, "statsd_exporter takes TCP")
        with connections[0] as connection:
            yield Statsd(process, connection)


def lines(batch: bytes) -> bytes:
    """A batch of events as the DogStatsD lines that feed the same series."""
    return "".join([_lines(event) for event in json.loads(batch)]).encode()


def _lines(event: dict[str, Any]) -> str:
    kind, direction = f"connection_type:{event['connection_type']}", f"direction:{event['direction']}"
    script, function = f"script:{event['script_name']}", f"function:{event['function_name']}"
    found = [
        f"{series.CONNECTION_EVENTS.name}:1|c|#{kind},{direction},{script},{function}\n",
        f"{series.CONNECTION_BYTES.name}:{event['data_size_bytes']}|c|#{kind},{direction}\n",
        f"{series.CONNECTION_LAST_EVENT.name}:{event['timestamp']}|g|#{kind}\n",
    ]
    if "response_time_ms" in event:
        seconds = event["response_time_ms"] / 1000
        found.append(f"{series.CONNECTION_RESPONSE.name}:{seconds:.6f}|h|#{kind},{function}\n")
    if outcome := outcome_of(event):
        found.append(f"{series.CONNECTION_OPERATIONS.name}:1|c|#{kind},{function},outcome:{outcome}\n")
    if outcome == "error":
        cause = f"error_type:{error_type(event)}"
        found.append(f"{series.CONNECTION_ERRORS.name}:1|c|#{kind},{script},{function},{cause}\n")
    return "".join(found)


def _mapping() -> dict[str, Any]:
    buckets = list(series.CONNECTION_RESPONSE.buckets)
    return {"defaults": {"observer_type": "histogram", "histogram_options": {"buckets": buckets}}}
