"""The Prometheus exporters of others that run beside the bundle: of this machine, and of its PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter import tokens
from exporter.bundle import packages, ports
from exporter.bundle.data_source import data_source
from exporter.bundle.endpoints import Address, Endpoints
from exporter.bundle.layout import Layout
from exporter.bundle.programs import Program, find_binary
from exporter.bundle.readiness import Say


@dataclass(frozen=True, slots=True)
class Companion:
    """One exporter: its name among the programs, what it watches, Debian's package and its address."""

    name: str
    watches: str
    package: str
    address: Address
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def companions(endpoints: Endpoints, layout: Layout, env: Mapping[str, str]) -> list[Companion]:
    """Return what to run: node_exporter, and postgres_exporter where there is a database."""
    return [_node(endpoints), *([_postgres(endpoints, layout, env)] if env.get("EXAI_DATABASE_URL") else [])]


def programs(wanted: list[Companion], layout: Layout, say: Say) -> list[Program]:
    """Return the programs of companions; one that listens already, or cannot be installed, is left out."""
    return [program for companion in wanted if (program := _program(companion, layout, say))]


def _node(endpoints: Endpoints) -> Companion:
    collectors = (f"--collector.{name}" for name in ("cpu", "filesystem", "meminfo"))
    options = ("--collector.disable-defaults", *collectors)
    return Companion("node", "this machine", "prometheus-node-exporter", endpoints.node, options)


def _postgres(endpoints: Endpoints, layout: Layout, env: Mapping[str, str]) -> Companion:
    found = data_source(env)
    server, database = found["GRAFANA_POSTGRES_URL"], found["GRAFANA_POSTGRES_DATABASE"]
    # The driver takes the directory of a socket from PGHOST, where it needs no escapes.
    socket = {"PGHOST": server} if server.startswith("/") else {}
    environment = {
        **socket,
        "DATA_SOURCE_URI": f"{'' if socket else server}/{database}?sslmode={found['GRAFANA_POSTGRES_SSLMODE']}",
        "DATA_SOURCE_USER": found["GRAFANA_POSTGRES_USER"],
        "DATA_SOURCE_PASS_FILE": str(layout.state / tokens.READER_PASSWORD),
    }
    package = "prometheus-postgres-exporter"
    return Companion("postgres-exporter", "PostgreSQL", package, endpoints.postgres_exporter, (), environment)


def _program(companion: Companion, layout: Layout, say: Say) -> Program | None:
    if ports.is_foreign(companion.address, layout.state):
        return None
    # Upstream's binary has the package's name without its prefix, and an underscore.
    names = (companion.package.removeprefix("prometheus-").replace("-", "_"), companion.package)
    if not find_binary(*names):
        try:
            packages.ensure([companion.package])
        except packages.MissingPackagesError as problem:
            say(f"  nothing watches {companion.watches}: {problem}")
            return None
    command = (find_binary(*names) or companion.package, f"--web.listen-address={companion.address}")
    return Program(companion.name, (*command, *companion.options), companion.environment)
