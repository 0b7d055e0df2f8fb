"""Observe a bundle in an engine: states, processes, files and series."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.docker.project import Project
from tests.servers import LOOPBACK, get_json, wait_until

STAYING = frozenset({
    "alertmanager", "database", "exporter", "grafana", "postgres", "postgres-exporter", "prometheus", "redis",
    "redis-exporter",
})  # fmt: skip
"""The services that run until they are stopped, in no profile."""

USERS = {
    "alertmanager": (65534, 65534),
    "database": (10001, 10001),
    "exporter": (10001, 10001),
    "grafana": (472, 0),
    "postgres": (70, 70),
    "postgres-exporter": (65534, 65534),
    "prometheus": (65534, 65534),
    "redis": (999, 1000),
    "redis-exporter": (59000, 59000),
}
EXPORTER = f"http://{LOOPBACK}:9464"
PROMETHEUS = f"http://{LOOPBACK}:9090"
ALERTMANAGER = f"http://{LOOPBACK}:9093"
GRAFANA = f"http://{LOOPBACK}:3000"
_HEALTHY_WITHIN_S = 90


def wait_until_healthy(bundle: Project, services: Iterable[str] = STAYING) -> None:
    """Return once every service is healthy; AssertionError with the states and the log of one that is not."""
    try:
        wait_until(lambda: not unhealthy(bundle, services), _HEALTHY_WITHIN_S, "healthy services")
    except AssertionError as failure:
        states = unhealthy(bundle, services)
        failure.add_note(f"{states}\n{bundle.logs(next(iter(states)))[-3000:] if states else ''}")
        raise


def unhealthy(bundle: Project, services: Iterable[str]) -> dict[str, str]:
    """The services that are not healthy now, with their states."""
    states = {service: bundle.state(service) for service in services}
    return {service: state for service, state in states.items() if state != "healthy"}


def identities(bundle: Project, services: Iterable[str] = STAYING) -> dict[str, tuple[str, str]]:
    """The id and the start of each service's container: both stay unless it is recreated or restarted."""
    found = bundle.containers()
    return {service: (found[service]["Id"], found[service]["State"]["StartedAt"]) for service in services}


def process_status(bundle: Project, service: str) -> dict[str, str]:
    """Return /proc/PID/status of a container's first process."""
    status = Path(f"/proc/{bundle.container(service)['State']['Pid']}/status").read_text()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in status.splitlines())}


def kill(bundle: Project, service: str) -> None:
    """SIGKILL to a container's first process, as a crash does: `docker kill` would count as a stop by hand."""
    os.kill(bundle.container(service)["State"]["Pid"], signal.SIGKILL)


def push(bundle: Project, model: str, calls: int) -> None:
    """Push finished calls of a model; AssertionError unless all are accepted."""
    event = {"kind": "duration", "model": model, "duration_ms": 8421, "timestamp": time.time()}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {push_token(bundle)}"}
    body = json.dumps([event] * calls).encode()
    request = urllib.request.Request(f"{EXPORTER}/api/v1/events", body, headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
        assert json.load(reply)["accepted"] == calls


def push_token(bundle: Project) -> str:
    """The token that the exporter asks for."""
    return bundle.exec("exporter", "cat", "/var/lib/exai/push-token").strip()


def counted(model: str) -> float:
    """How many calls of a model the exporter shows."""
    with urllib.request.urlopen(f"{EXPORTER}/metrics", timeout=30) as reply:  # noqa: S310
        lines = reply.read().decode().splitlines()
    name = "gen_ai_client_operation_duration_seconds_count{"
    found = [line for line in lines if line.startswith(name) and f'="{model}"' in line]
    return sum(float(line.rpartition(" ")[2]) for line in found)


def series(promql: str, at: float | None = None) -> list[dict[str, Any]]:
    """The result of an instant query to the bundle's Prometheus, as of now or of a Unix time."""
    query = urllib.parse.urlencode({"query": promql, "time": time.time() if at is None else at})
    return list(get_json(f"{PROMETHEUS}/api/v1/query?{query}")["data"]["result"])


def targets_up() -> dict[str, float]:
    """Each scrape job of the bundle's Prometheus, and whether it is up."""
    return {row["metric"]["job"]: float(row["value"][1]) for row in series("up")}
