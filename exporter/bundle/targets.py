"""The home of the native Prometheus: the shipped files by link, and its scrape targets."""

from __future__ import annotations

import json
import socket
from collections.abc import Set
from contextlib import suppress
from pathlib import Path

from exporter.bundle import environment_label
from exporter.bundle.endpoints import LOOPBACK, Address, Endpoints
from exporter.bundle.layout import ROOT, Layout

REDIS_EXPORTER = Address(LOOPBACK, 9121)
"""Scraped where it runs already; the bundle starts none."""

COMPANIONS = frozenset({"node", "postgres", "redis"})
"""The jobs of other people's exporters, which are scraped only where they answer."""


def lay_out(endpoints: Endpoints, layout: Layout, environment: str = "", jobs: Set[str] = COMPANIONS) -> None:
    """Link the shipped configuration into the state directory and write one target file a job.

    With an environment, the configuration is a copy that has its label. Of the companions, only `jobs` are scraped.
    """
    _link(layout.prometheus / "rules", ROOT / "prometheus" / "rules")
    shipped = ROOT / "prometheus" / "prometheus.yml"
    if environment:
        _copy(layout.prometheus / "prometheus.yml", environment_label.on_alerts(shipped.read_text(), environment))
    else:
        _link(layout.prometheus / "prometheus.yml", shipped)
    directory = layout.prometheus / "targets"
    directory.mkdir(mode=0o700, exist_ok=True)
    for job, addresses in _targets(endpoints, jobs).items():
        groups = json.dumps([{"targets": [str(address) for address in addresses]}] if addresses else [])
        (directory / f"{job}.yml").write_text(f"{environment_label.on_targets(groups, environment).rstrip()}\n")


def _targets(endpoints: Endpoints, jobs: Set[str]) -> dict[str, list[Address]]:
    companions = {"node": endpoints.node, "postgres": endpoints.postgres_exporter, "redis": REDIS_EXPORTER}
    return {
        "exporter": [endpoints.exporter.local],
        "prometheus": [endpoints.prometheus.local],
        "alertmanager": [endpoints.alertmanager.local],
        **{job: [address] if job in jobs and _accepts(address) else [] for job, address in companions.items()},
    }


def _accepts(address: Address) -> bool:
    with suppress(OSError), socket.create_connection((address.host, address.port), timeout=1):
        return True
    return False


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _copy(path: Path, text: str) -> None:
    # A link may be there: to write through it would overwrite the shipped file.
    path.unlink(missing_ok=True)
    path.write_text(text)
