"""The programs that the native bundle runs: their binaries, command lines and environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporter import tokens
from exporter.bundle import packages
from exporter.bundle.data_source import data_source
from exporter.bundle.endpoints import Endpoints
from exporter.bundle.layout import ROOT, Layout

RECEIVERS_IN_METRICS = "receiver-name-in-metrics"
"""A feature of Alertmanager: its counters name the receiver, which `alerts test` reads."""
_DEBIAN_GRAFANA_HOME = Path("/usr/share/grafana")


@dataclass(frozen=True, slots=True)
class Program:
    """One supervised process."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_wait_s: int = 30
    stop_signal: str = "TERM"


@dataclass(frozen=True, slots=True)
class GrafanaInstallation:
    """Where a Grafana was found."""

    binary: Path
    home: Path


def all_programs(endpoints: Endpoints, layout: Layout, env: Mapping[str, str]) -> list[Program]:
    """What `up` runs, in the order of its start, installing what is missing."""
    if not find_binary("prometheus") or not find_binary("alertmanager", "prometheus-alertmanager"):
        packages.ensure(["prometheus", "prometheus-alertmanager"])
    programs = [
        exporter_program(),
        prometheus_program(endpoints, layout),
        alertmanager_program(endpoints, layout, env),
    ]
    grafana = find_grafana(env)
    return [*programs, grafana_program(grafana, endpoints, layout, env)] if grafana else programs


def exporter_program() -> Program:
    """Our own server; glibc keeps two arenas and gives freed memory back, which halves what it holds."""
    allocator = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}
    return Program("exporter", (sys.executable, "-m", "exporter", "serve"), allocator)


def demo_program(incident: str | None) -> Program:
    """The simulated gateway, with somebody on call."""
    options = ("--rhythm", "--on-call", *demo_arguments(incident))
    return Program("demo", (sys.executable, "-m", "exporter", "demo", *options))


def demo_arguments(incident: str | None) -> tuple[str, ...]:
    """One incident at once, or all of them in turn with calm between."""
    return ("--incident", incident, "--incident-after", "0") if incident else ("--rotate",)


def prometheus_program(endpoints: Endpoints, layout: Layout) -> Program:
    """Prometheus with the flags that every kind of bundle shares."""
    return Program(
        "prometheus",
        (
            find_binary("prometheus") or "prometheus",
            f"--config.file={layout.prometheus / 'prometheus.yml'}",
            f"--storage.tsdb.path={layout.data('prometheus')}",
            f"--web.listen-address={endpoints.prometheus}",
            *(ROOT / "prometheus" / "flags").read_text().split(),
        ),
        stop_wait_s=60,
    )


def alertmanager_program(endpoints: Endpoints, layout: Layout, env: Mapping[str, str]) -> Program:
    """Alertmanager alone: without an empty cluster address it would listen on all interfaces."""
    binary = find_binary("alertmanager", "prometheus-alertmanager") or "alertmanager"
    features = (f"--enable-feature={RECEIVERS_IN_METRICS}",) if knows(binary, RECEIVERS_IN_METRICS) else ()
    return Program(
        "alertmanager",
        (
            binary,
            f"--config.file={layout.alertmanager / 'alertmanager.yml'}",
            f"--storage.path={layout.data('alertmanager')}",
            f"--web.listen-address={endpoints.alertmanager}",
            f"--web.external-url={env.get('ALERTMANAGER_URL') or endpoints.alertmanager.url}",
            "--web.route-prefix=/",
            "--cluster.listen-address=",
            *features,
        ),
    )


def grafana_program(
    found: GrafanaInstallation, endpoints: Endpoints, layout: Layout, env: Mapping[str, str]
) -> Program:
    """Grafana with the shipped provisioning; its settings travel in its environment, its passwords stay in files."""
    command = (str(found.binary), "server", "--homepath", str(found.home))
    return Program("grafana", command, grafana_settings(endpoints, layout, env))


def grafana_settings(endpoints: Endpoints, layout: Layout, env: Mapping[str, str]) -> dict[str, str]:
    """Grafana's environment; the password stays in its file."""
    data = layout.data("grafana")
    database = data_source(env)
    file = f"$__file{{{layout.state / tokens.READER_PASSWORD}}}"
    password = {"GRAFANA_POSTGRES_PASSWORD": file} if database else {}
    return {
        "GF_SERVER_HTTP_ADDR": endpoints.grafana.host,
        "GF_SERVER_HTTP_PORT": str(endpoints.grafana.port),
        "GF_SERVER_ROOT_URL": env.get("GRAFANA_URL") or endpoints.grafana.url,
        "GF_PATHS_DATA": str(data),
        "GF_PATHS_LOGS": str(data / "log"),
        "GF_PATHS_PLUGINS": str(data / "plugins"),
        "GF_PATHS_PROVISIONING": str(ROOT / "grafana" / ("provisioning-postgres" if database else "provisioning")),
        "GF_SECURITY_ADMIN_PASSWORD": f"$__file{{{layout.grafana_password}}}",
        "GF_LOG_MODE": "console",
        "EXAI_DASHBOARDS_PATH": str(ROOT / "grafana" / "dashboards"),
        "EXAI_POSTGRES_DASHBOARDS_PATH": str(ROOT / "grafana" / "dashboards-postgres"),
        "PROMETHEUS_URL": endpoints.prometheus.url,
        "ALERTMANAGER_URL": endpoints.alertmanager.url,
        **database,
        **password,
        **GRAFANA_QUIET,
    }


GRAFANA_QUIET = {
    "GF_ANALYTICS_REPORTING_ENABLED": "false",
    "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
    "GF_NEWS_NEWS_FEED_ENABLED": "false",
    "GF_PLUGINS_PREINSTALL_DISABLED": "true",
    "GF_SECURITY_DISABLE_GRAVATAR": "true",
    "GF_SNAPSHOTS_EXTERNAL_ENABLED": "false",
    "GF_USERS_ALLOW_SIGN_UP": "false",
}
"""A Grafana that asks nobody outside for anything."""


def find_binary(*names: str) -> str | None:
    """The path of the first of some binaries that is installed."""
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/local/bin:/usr/sbin:/usr/bin"
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def knows(binary: str, option: str) -> bool:
    """Return whether a program's help names an option; programs refuse to start with one that they do not know."""
    try:
        usage = subprocess.run((binary, "--help"), capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return option in usage.stdout + usage.stderr


def find_grafana(env: Mapping[str, str]) -> GrafanaInstallation | None:
    """Grafana in GRAFANA_HOME, else the one on PATH; ValueError when GRAFANA_HOME has none."""
    if env.get("GRAFANA_HOME"):
        home = Path(env["GRAFANA_HOME"]).expanduser().absolute()
        binary = home / "bin" / "grafana"
        if not os.access(binary, os.X_OK):
            raise ValueError(f"GRAFANA_HOME: {binary} is not there or cannot be run")
        return GrafanaInstallation(binary, home)
    found = find_binary("grafana")
    if not found:
        return None
    unpacked = Path(found).resolve().parents[1]
    home = unpacked if (unpacked / "public").is_dir() else _DEBIAN_GRAFANA_HOME
    return GrafanaInstallation(Path(found), home)
