"""What the gateway keeps things in, and the machine below all of it."""

from __future__ import annotations

from collections.abc import Sequence

from grafana import bundle_queries as queries
from grafana.panels import Json, Line, Query, colours, fields, line, lines_filled_by, section, timeseries
from grafana.panels.filling import READINGS

_SHARE = "percentunit"
_REDIS = {"redis": colours.SERVICES["redis"]}


def lines() -> list[Line]:
    """A heading, Redis beside the pools, and the machine."""
    return [
        section("Stores and machine"),
        *lines_filled_by(READINGS, [line(7, _redis_memory(), _keys(), _pools(), _pools_used(), widths=(6, 6, 6, 6))]),
        line(7, _cpu(), _memory(), _disk()),
    ]


def _redis_memory() -> Json:
    return timeseries(
        "Memory of Redis",
        "Bytes that the gateway's Redis uses. Growing with its keys: shorten how long they live. Without them: values "
        "became longer.",
        queries.REDIS_MEMORY,
        unit="bytes",
        colors=_REDIS,
    )


def _keys() -> Json:
    return timeseries(
        "Keys of Redis",
        "Keys in the gateway's Redis. Fallen to nearly nothing: it was emptied or restarted without its data. Growing "
        "without end: keys are written that never expire.",
        queries.REDIS_KEYS,
        unit="short",
        colors=_REDIS,
    )


def _pools() -> Json:
    return timeseries(
        "Connections of the pools",
        "Connections to Redis and to Postgres (supabase), active and idle. Idle at nothing: the next query waits.",
        queries.POOLS,
        unit="none",
        overrides=fields.by_pattern(colours.POOLS),
    )


def _pools_used() -> Json:
    return timeseries(
        "Pools used",
        "Share of each pool's connections in use. Above the dashed line an alert fires: queries are slow, or "
        "connections are not given back.",
        queries.POOLS_USED,
        alerts=queries.POOLS_ALERT,
        unit=_SHARE,
        colors=colours.SERVICES,
    )


def _resource(title: str, description: str, asked: Sequence[Query], alerts: Sequence[Query]) -> Json:
    return timeseries(title, description, asked, alerts=alerts, unit=_SHARE, high=1, colors=colours.PROCESSES)


def _cpu() -> Json:
    return _resource(
        "CPU used",
        "Share of the CPU that the machine (host) and each service use, over five minutes. Above the dashed line an "
        "alert fires: see which process it is; when it is the host, everything waits.",
        queries.CPU,
        queries.CPU_ALERT,
    )


def _memory() -> Json:
    return _resource(
        "Memory used",
        "Share of the memory in use, without what the cache of files would give back. Above the dashed line an alert "
        "fires: at 100 % the kernel ends a process.",
        queries.MEMORY,
        queries.MEMORY_ALERT,
    )


def _disk() -> Json:
    return _resource(
        "Disk used",
        "Share of the fullest disk of the host, and of the disk of each service. Above the dashed line an alert fires: "
        "when it is full, checkpoints and samples stop.",
        queries.DISK,
        queries.DISK_ALERT,
    )
