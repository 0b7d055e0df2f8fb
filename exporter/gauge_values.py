"""The values of a gauge event, by subject; every field may be left out.

`exporter.fold.gauges` says which series each field feeds.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from exporter.events import Amount, Count, Ratio

Few = Meta(max_length=64)
"""Ports, providers and layers of one gateway: a longer map is a mistake."""


class SessionValues(Struct, gc=False):
    """The gateway's conversations."""

    active_sessions: Count | None = None
    conversation_length: Count | None = None
    context_tokens_used: Count | None = None
    context_tokens_max: Count | None = None


class Slots(Struct, gc=False):
    """One semaphore."""

    current: Count | None = None
    limit: Count | None = None


class SemaphoreValues(Struct, gc=False):
    """The gateway's semaphores, by port and by port_PROVIDER."""

    ports: Annotated[dict[str, Slots], Few] = {}
    providers: Annotated[dict[str, Slots], Few] = {}
    total_leaks_detected: Count | None = None


class ConnectionTotals(Struct, gc=False):
    """Running totals of the resilient socket's connections; `active` is a level."""

    total: Count | None = None
    active: Count | None = None
    failed: Count | None = None
    reconnections: Count | None = None
    timeouts: Count | None = None


class MessageTotals(Struct, gc=False):
    """Running totals of its messages."""

    sent: Count | None = None
    queued: Count | None = None
    failed: Count | None = None
    expired: Count | None = None
    deduplicated: Count | None = None


class Queue(Struct, gc=False):
    """Its queue now, and a running total of what it dropped."""

    current_size: Count | None = None
    max_size: Count | None = None
    overflows: Count | None = None


class RetryTotals(Struct, gc=False):
    """Running totals of what it tried again."""

    attempts: Count | None = None
    successes: Count | None = None
    failures: Count | None = None


class Breaker(Struct, gc=False):
    """Its circuit breaker now, and running totals of its changes."""

    state: Literal["closed", "half_open", "open"] | None = None
    opens: Count | None = None
    half_opens: Count | None = None
    closes: Count | None = None


class SendLatency(Struct, gc=False):
    """Average milliseconds of a send."""

    average_send_ms: Amount | None = None


class WebsocketValues(Struct, gc=False):
    """One port's health, the resilient socket's own export, or both; milliseconds where `_ms`."""

    uptime_seconds: Amount | None = None
    current_ping_ms: Amount | None = None
    avg_ping_ms: Amount | None = None
    p95_ping_ms: Amount | None = None
    reconnection_count: Count | None = None
    timeout_warnings: Count | None = None
    status: Literal["connected", "stale"] | None = None
    connections: ConnectionTotals | None = None
    messages: MessageTotals | None = None
    queue: Queue | None = None
    retry: RetryTotals | None = None
    circuit_breaker: Breaker | None = None
    latency: SendLatency | None = None
    ports: Annotated[dict[str, WebsocketValues], Few] = {}


class RequestValues(Struct, gc=False):
    """Requests in flight, by layer."""

    in_flight: Annotated[dict[str, Count], Few] = {}


class ProcessValues(Struct, gc=False):
    """One service's process; the service is the instance where it is not named."""

    service: str | None = None
    uptime_seconds: Amount | None = None
    cpu_ratio: Amount | None = None
    memory_bytes: Count | None = None
    disk_used_ratio: Ratio | None = None


class PoolValues(Struct, gc=False):
    """One connection pool."""

    name: str | None = None
    active: Count | None = None
    idle: Count | None = None


class CacheValues(Struct, gc=False):
    """The semantic cache as it is."""

    implementation: str | None = None
    entries: Count | None = None
    size_bytes: Count | None = None


class RedisValues(Struct, gc=False):
    """The gateway's Redis."""

    memory_bytes: Count | None = None
    keys: Count | None = None


class ConnectionValues(Struct, gc=False):
    """Connections open now, by connection type."""

    active: Annotated[dict[str, Count], Few] = {}


BY_SUBJECT: dict[str, type[Struct]] = {
    "connection": ConnectionValues,
    "session": SessionValues,
    "semaphore": SemaphoreValues,
    "websocket": WebsocketValues,
    "request": RequestValues,
    "process": ProcessValues,
    "pool": PoolValues,
    "cache": CacheValues,
    "redis": RedisValues,
}

SUBJECTS: dict[type[Struct], str] = {shape: subject for subject, shape in BY_SUBJECT.items()}
