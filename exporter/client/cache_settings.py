"""Reads from the environment what is collected of a cache, and where it is sent."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from exporter.client import cache_targets
from exporter.client.cache_targets import Target
from exporter.client.collecting import CacheCollector

log = logging.getLogger(__name__)

_PREFIX = "CACHE_METRICS_"
_LOCAL_EXPORTER = "http://127.0.0.1:9464"
_OFF = {"0", "false", "no", "off"}


def collector_from(environment: Mapping[str, str]) -> CacheCollector:
    """The collector that CACHE_METRICS_… ask for; what cannot be used is logged, and its default holds."""
    read = {key.removeprefix(_PREFIX): value.strip() for key, value in environment.items() if key.startswith(_PREFIX)}
    enabled = read.get("ENABLED", "").lower() not in _OFF
    return CacheCollector(
        list(_targets(read)) if enabled else (),
        enabled=enabled,
        batch_size=math.ceil(_positive(read, "BATCH_SIZE", 100)),
        flush_interval_s=_positive(read, "FLUSH_INTERVAL", 60),
    )


def _targets(read: Mapping[str, str]) -> Iterator[Target]:
    edge_url = read.get("EDGE_URL")
    exporter_url = read.get("EXPORTER_URL") or (None if edge_url else _LOCAL_EXPORTER)
    if exporter_url:
        yield from _target(cache_targets.exporter, "EXPORTER_URL", exporter_url, _secret(read, "EXPORTER_TOKEN"))
    if edge_url:
        yield from _target(cache_targets.edge_function, "EDGE_URL", edge_url, _secret(read, "EDGE_KEY"))


def _target(make: Callable[[str, str | None], Target], key: str, url: str, secret: str | None) -> Iterator[Target]:
    try:
        yield make(url, secret)
    except ValueError as error:
        log.warning("%s%s cannot be used, so nothing is sent there: %s", _PREFIX, key, error)


def _secret(read: Mapping[str, str], key: str) -> str | None:
    path = read.get(f"{key}_FILE")
    if read.get(key) or not path:
        return read.get(key) or None
    try:
        return Path(path).read_text().strip() or None
    except (OSError, ValueError) as error:
        log.warning("%s%s_FILE cannot be read: %s", _PREFIX, key, type(error).__name__)
        return None


def _positive(read: Mapping[str, str], key: str, default: float) -> float:
    text = read.get(key)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86_400:
        log.warning("%s%s is no number from 0 to 86,400, so it is %g", _PREFIX, key, default)
        return default
    return value
