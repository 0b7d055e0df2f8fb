"""Tells what a semantic cache does: an operation is recorded at once, and sent in the background, in batches.

    await start_collector()
    record_cache_hit(cache_key, "new", response_time_ms=1.5, cache_size=450)
    await stop_collector()

Without an event loop: `get_collector().start()` and `.stop()`. What is left is also sent when the process exits.

| Variable | Meaning | Default |
| --- | --- | --- |
| CACHE_METRICS_ENABLED | whether anything is collected | true |
| CACHE_METRICS_BATCH_SIZE | operations of one batch | 100 |
| CACHE_METRICS_FLUSH_INTERVAL | seconds until a batch is sent that is not full | 60 |
| CACHE_METRICS_EXPORTER_URL | base URL of the exporter | http://127.0.0.1:9464 if there is no edge function |
| CACHE_METRICS_EXPORTER_TOKEN, …_TOKEN_FILE | its push token, or a file that holds it | none |
| CACHE_METRICS_EDGE_URL | whole URL of the edge function | none |
| CACHE_METRICS_EDGE_KEY, …_KEY_FILE | the service key, or a JWT of the service role | none |

With both URLs each operation goes both ways with one `event_id`. The edge function keeps it in its row, so an exporter
that also reads these rows counts the operation once, whichever way is first, if the other is within the hour; where
Postgres may be away for longer, the exporter's setting `sources.cache` says which of the two is counted.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from exporter.client.cache_settings import collector_from
from exporter.client.collecting import CacheCollector

__all__ = [
    "CacheCollector",
    "get_collector",
    "record_cache_error",
    "record_cache_evict",
    "record_cache_hit",
    "record_cache_miss",
    "record_cache_set",
    "start_collector",
    "stop_collector",
]

Metadata = Mapping[str, Any]

_collectors: list[CacheCollector] = []
"""The first is the one of this process. There is no lock that a fork could find held: a second one is idle."""


def get_collector() -> CacheCollector:
    """The collector of this process, made from its environment when first asked for."""
    if not _collectors:
        _collectors.append(collector_from(os.environ))
    return _collectors[0]


async def start_collector() -> None:
    """Starts the collector of this process; what is recorded before that is collected too."""
    get_collector().start()


async def stop_collector() -> None:
    """Sends what is left, for two seconds at most, while the event loop goes on; later operations are dropped."""
    await asyncio.to_thread(get_collector().stop)


def record_cache_hit(
    cache_key: str,
    implementation_type: str,
    response_time_ms: float | None = None,
    cache_size: int | None = None,
    *,
    similarity: float | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Records that a look-up found an entry, of that similarity (0…1)."""
    get_collector().record(
        "hit", cache_key, implementation_type, response_time_ms, cache_size, similarity=similarity, metadata=metadata
    )


def record_cache_miss(
    cache_key: str,
    implementation_type: str,
    response_time_ms: float | None = None,
    cache_size: int | None = None,
    *,
    similarity: float | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Records that a look-up found nothing; `similarity` (0…1) is that of the best entry."""
    get_collector().record(
        "miss", cache_key, implementation_type, response_time_ms, cache_size, similarity=similarity, metadata=metadata
    )


def record_cache_set(
    cache_key: str,
    implementation_type: str,
    response_time_ms: float | None = None,
    cache_size: int | None = None,
    *,
    metadata: Metadata | None = None,
) -> None:
    """Records that an entry was stored."""
    get_collector().record("set", cache_key, implementation_type, response_time_ms, cache_size, metadata=metadata)


def record_cache_evict(
    cache_key: str,
    implementation_type: str,
    response_time_ms: float | None = None,
    cache_size: int | None = None,
    *,
    metadata: Metadata | None = None,
) -> None:
    """Records that an entry was put out."""
    get_collector().record("evict", cache_key, implementation_type, response_time_ms, cache_size, metadata=metadata)


def record_cache_error(
    cache_key: str,
    implementation_type: str,
    error_type: str,
    error_message: str | None = None,
    *,
    response_time_ms: float | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Records that an operation failed, and how."""
    get_collector().record(
        "error",
        cache_key,
        implementation_type,
        response_time_ms,
        error_type=error_type,
        error_message=error_message,
        metadata=metadata,
    )
