"""The home of the native Prometheus: the shipped files by link, and its scrape targets."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from pathlib import Path

from exporter.bundle.endpoints import LOOPBACK, Address, Endpoints
from exporter.bundle.layout import ROOT, Layout

REDIS_EXPORTER = Address(LOOPBACK, 9121)
"""Scraped where it runs already; the bundle starts none."""

_SHIPPED = ("prometheus.yml", "rules")


def lay_out(endpoints: Endpoints, layout: Layout) -> None:
    """Link the shipped configuration into the state directory and write one target file a job."""
    for name in _SHIPPED:
        _link(layout.prometheus / name, ROOT / "prometheus" / name)
    directory = layout.prometheus / "targets"
    directory.mkdir(mode=0o700, exist_ok=True)
    for job, addresses in _targets(endpoints).items():
        text = json.dumps([{"targets": [str(address) for address in addresses]}] if addresses else [])
        (directory / f"{job}.yml").write_text(f"{text}\n")


def _targets(endpoints: Endpoints) -> dict[str, list[Address]]:
    companions = {"node": endpoints.node, "postgres": endpoints.postgres_exporter, "redis": REDIS_EXPORTER}
    return {
        "exporter": [endpoints.exporter.local],
        "prometheus": [endpoints.prometheus.local],
        "alertmanager": [endpoints.alertmanager.local],
        **{job: [address] if _accepts(address) else [] for job, address in companions.items()},
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
