"""What the services run on."""

from __future__ import annotations

from collections.abc import Sequence

from grafana import ml_queries as queries
from grafana.panels import Json, Line, Query, colours, line, section, timeseries


def lines() -> list[Line]:
    """A heading, and CPU, memory and disk."""
    return [section("Resources"), line(7, _cpu(), _memory(), _disk())]


def _share(title: str, description: str, asked: Sequence[Query], alerts: Sequence[Query]) -> Json:
    return timeseries(title, description, asked, alerts=alerts, unit="percentunit", high=1, colors=colours.PROCESSES)


def _cpu() -> Json:
    return _share(
        "CPU",
        "Share of its CPU that a service uses. Above the dashed line for five minutes an alert fires: add a worker, "
        "or see which route became dear.",
        queries.CPU,
        queries.CPU_ALERT,
    )


def _memory() -> Json:
    return timeseries(
        "Memory",
        "Bytes that a service uses. Growing without requests: it leaks; restart it, then compare two profiles.",
        queries.MEMORY,
        unit="bytes",
        colors=colours.PROCESSES,
    )


def _disk() -> Json:
    return _share(
        "Disk",
        "Share of its disk that is in use. Above the dashed line an alert fires: old models and logs go first.",
        queries.DISK,
        queries.DISK_ALERT,
    )
