"""node_exporter: the CPU, the memory and the disks of this machine."""

from __future__ import annotations

from exporter.bundle import packages, processes
from exporter.bundle.endpoints import Endpoints
from exporter.bundle.layout import Layout
from exporter.bundle.programs import Program, find_binary
from exporter.bundle.readiness import Say

_PACKAGE = "prometheus-node-exporter"
_COLLECTORS = ("cpu", "filesystem", "meminfo")


def programs(endpoints: Endpoints, layout: Layout, say: Say) -> list[Program]:
    """What to run: nothing where one listens already, or where none can be installed, which is said."""
    if processes.is_foreign(endpoints.node, layout.state):
        return []
    if not _binary():
        try:
            packages.ensure([_PACKAGE])
        except packages.MissingPackagesError as problem:
            say(f"  nothing watches this machine: {problem}")
            return []
    return [_program(endpoints)]


def _binary() -> str | None:
    return find_binary("node_exporter", _PACKAGE)


def _program(endpoints: Endpoints) -> Program:
    collectors = (f"--collector.{name}" for name in _COLLECTORS)
    listen = f"--web.listen-address={endpoints.node}"
    return Program("node", (_binary() or _PACKAGE, listen, "--collector.disable-defaults", *collectors))
