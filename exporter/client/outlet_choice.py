"""Chooses the one place where ConnectionMonitor's events go."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.util import find_spec

from exporter.client.monitor_settings import MonitorSettings
from exporter.client.outlet import Outlet
from exporter.client.redis_outlet import RedisOutlet

log = logging.getLogger(__name__)

_REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


def outlet_for(settings: MonitorSettings) -> Outlet:
    """The one outlet that counts: Redis where there is one, else the exporter; what cannot be used is logged."""
    ways: list[tuple[str, Callable[[], Outlet]]] = []
    if settings.redis_url:
        ways.append(("Redis", lambda: _redis(settings)))
    if settings.exporter_url:
        ways.append(("the exporter", lambda: _exporter(settings)))
    for name, way in ways:
        try:
            return way()
        except Exception as error:
            log.warning("connection events cannot go to %s: %s", name, error)
    return Outlet()


def _exporter(settings: MonitorSettings) -> Outlet:
    from exporter.client.exporter_outlet import ExporterOutlet  # HTTP and TLS, which the way to Redis does not need.

    return ExporterOutlet(settings)


def _redis(settings: MonitorSettings) -> Outlet:
    if not settings.redis_url.startswith(_REDIS_SCHEMES):
        raise ValueError(f"its URL begins with none of {', '.join(_REDIS_SCHEMES)}")
    if find_spec("redis") is None:
        raise ValueError("the package redis is not installed: pip install redis")
    return RedisOutlet(settings)
