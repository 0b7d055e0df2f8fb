"""Which series each field of a gauge event's values feeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from exporter import conventions as series
from exporter.conventions import Family
from exporter.events import Reading
from exporter.fold.labels import clean
from exporter.fold.socket_health import export, health
from exporter.gauge_values import (
    CacheValues,
    ConnectionValues,
    PoolValues,
    ProcessValues,
    RedisValues,
    RequestValues,
    SemaphoreValues,
    SessionValues,
    WebsocketValues,
)

Measured = tuple[Family, tuple[str, ...], float | None]
"""A series, its label values, and what the subject says of it (nothing, if None)."""


def measured(event: Reading) -> Iterator[tuple[str, Family, tuple[str, ...], float | None]]:
    """What the event says, series by series, with the name of the instance that says it."""
    if isinstance(event.values, WebsocketValues):
        yield from _websocket(event.values, clean(event.instance))
        return
    for family, labels, value in _SUBJECTS[type(event.values)](event.values, event.instance):
        yield clean(event.instance), family, labels, value


def _websocket(values: WebsocketValues, instance: str) -> Iterator[tuple[str, Family, tuple[str, ...], float | None]]:
    """Ports and the socket's own export count apart: the same total may mean either."""
    for port, of_port in values.ports.items():
        yield from _websocket(of_port, f"{instance}/{clean(port)}")
    for family, value in health(values):
        yield instance, family, (), value
    for family, value in export(values):
        yield f"{instance}/socket", family, (), value


def _session(values: SessionValues, _: str) -> Iterator[Measured]:
    yield series.SESSIONS_ACTIVE, (), values.active_sessions
    yield series.SESSION_MESSAGES, (), values.conversation_length
    yield series.SESSION_CONTEXT, (), values.context_tokens_used
    yield series.SESSION_CONTEXT_LIMIT, (), values.context_tokens_max


def _semaphore(values: SemaphoreValues, _: str) -> Iterator[Measured]:
    for scope, slots in (("port", values.ports), ("provider", values.providers)):
        for name, semaphore in slots.items():
            yield series.SEMAPHORE_SLOTS, (scope, clean(name), "in_use"), semaphore.current
            yield series.SEMAPHORE_SLOTS, (scope, clean(name), "limit"), semaphore.limit
    yield series.SEMAPHORE_LEAKS, (), values.total_leaks_detected


def _request(values: RequestValues, _: str) -> Iterator[Measured]:
    for layer, count in values.in_flight.items():
        yield series.REQUESTS_IN_FLIGHT, (clean(layer),), count


def _process(values: ProcessValues, instance: str) -> Iterator[Measured]:
    service = (clean(values.service or instance),)
    yield series.PROCESS_UPTIME, service, values.uptime_seconds
    yield series.PROCESS_CPU, service, values.cpu_ratio
    yield series.PROCESS_MEMORY, service, values.memory_bytes
    yield series.PROCESS_DISK, service, values.disk_used_ratio


def _pool(values: PoolValues, instance: str) -> Iterator[Measured]:
    name = clean(values.name or instance)
    yield series.POOL_CONNECTIONS, (name, "active"), values.active
    yield series.POOL_CONNECTIONS, (name, "idle"), values.idle


def _cache(values: CacheValues, _: str) -> Iterator[Measured]:
    implementation = (clean(values.implementation),)
    yield series.CACHE_ENTRIES, implementation, values.entries
    yield series.CACHE_SIZE, implementation, values.size_bytes


def _redis(values: RedisValues, _: str) -> Iterator[Measured]:
    yield series.REDIS_MEMORY, (), values.memory_bytes
    yield series.REDIS_KEYS, (), values.keys


def _connections(values: ConnectionValues, _: str) -> Iterator[Measured]:
    for connection_type, count in values.active.items():
        yield series.CONNECTIONS_ACTIVE, (clean(connection_type),), count


_SUBJECTS: dict[type, Callable[[Any, str], Iterator[Measured]]] = {
    SessionValues: _session,
    SemaphoreValues: _semaphore,
    RequestValues: _request,
    ProcessValues: _process,
    PoolValues: _pool,
    CacheValues: _cache,
    RedisValues: _redis,
    ConnectionValues: _connections,
}
