"""Where ConnectionMonitor writes, as the environment of a gateway says it.

| Variable | Meaning | Default |
| --- | --- | --- |
| REDIS_PERSISTENCE_ENABLED | whether Redis is written to | true |
| REDIS_URL; or REDIS_HOST, _PORT, _PASSWORD, _DB | the Redis | none |
| REDIS_BATCH_SIZE, REDIS_FLUSH_INTERVAL | events of one batch; seconds until one is written that is not full | 100, 5 |
| REDIS_QUEUE_SIZE | events that wait at most | 100000 |
| REDIS_RETENTION_HOURS | hours after its last event in which a type's key expires | 24 |
| EXAI_EXPORTER_URL | base URL of an exporter; counts where there is no Redis | none |
| EXAI_EXPORTER_TOKEN, EXAI_EXPORTER_TOKEN_FILE | its push token, or a file that holds it | none |
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

log = logging.getLogger(__name__)

_FALSE = {"0", "false", "no", "off"}
_MOST = 1e9


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """Where events are written, and how; with both URLs it is Redis, where the exporter finds them."""

    redis_url: str = ""
    exporter_url: str = ""
    token: str = ""
    batch_size: int = 100
    flush_interval_s: float = 5.0
    capacity: int = 100_000
    retention_s: int = 24 * 3600


def settings_from(environment: Mapping[str, str]) -> MonitorSettings:
    """The settings; what cannot be used is logged, and its default holds."""
    return MonitorSettings(
        redis_url=_redis_url(environment),
        exporter_url=environment.get("EXAI_EXPORTER_URL", "").strip(),
        token=_token(environment),
        batch_size=int(_positive(environment, "REDIS_BATCH_SIZE", 100)),
        flush_interval_s=_positive(environment, "REDIS_FLUSH_INTERVAL", 5),
        capacity=int(_positive(environment, "REDIS_QUEUE_SIZE", 100_000)),
        retention_s=int(_positive(environment, "REDIS_RETENTION_HOURS", 24) * 3600),
    )


def _redis_url(environment: Mapping[str, str]) -> str:
    if environment.get("REDIS_PERSISTENCE_ENABLED", "true").strip().lower() in _FALSE:
        return ""
    url, host = environment.get("REDIS_URL", "").strip(), environment.get("REDIS_HOST", "").strip()
    if url or not host:
        return url
    password = environment.get("REDIS_PASSWORD", "")
    secret = f":{quote(password, safe='')}@" if password else ""
    return f"redis://{secret}{host}:{environment.get('REDIS_PORT') or 6379}/{environment.get('REDIS_DB') or 0}"


def _token(environment: Mapping[str, str]) -> str:
    path = environment.get("EXAI_EXPORTER_TOKEN_FILE", "")
    if path:
        try:
            return Path(path).read_text().strip()
        except (OSError, ValueError) as failure:
            log.warning("EXAI_EXPORTER_TOKEN_FILE cannot be read: %s", type(failure).__name__)
    return environment.get("EXAI_EXPORTER_TOKEN", "")


def _positive(environment: Mapping[str, str], key: str, default: float) -> float:
    given = environment.get(key, "").strip()
    if not given:
        return default
    with suppress(ValueError):
        number = float(given)
        if 1 <= number <= _MOST:
            return number
    log.warning("%s is no number from 1 to %g: %g holds", key, _MOST, default)
    return default
