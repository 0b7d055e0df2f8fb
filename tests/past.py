"""A Prometheus with the past of a demo: the same blocks that `make demo` makes."""

from __future__ import annotations

from pathlib import Path

from exporter.bundle import backfill
from tests import servers


def remember(prometheus: servers.Prometheus, home: Path) -> list[str]:
    """Gives a running Prometheus of `home` its past, and returns what is said; restarted, it finds it at once."""
    said: list[str] = []
    backfill.backfill(prometheus.url, home / "prometheus/data", said.append)
    prometheus.stop()
    prometheus.start()
    return said
