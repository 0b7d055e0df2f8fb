"""The series that a WebSocket's health and the resilient socket's own export feed."""

from __future__ import annotations

from collections.abc import Iterator

from exporter import conventions as series
from exporter.conventions import Family
from exporter.gauge_values import (
    Breaker,
    ConnectionTotals,
    MessageTotals,
    Queue,
    RetryTotals,
    SendLatency,
    WebsocketValues,
)

_BREAKER = {None: None, "closed": 0, "half_open": 1, "open": 2}
_STATUS = {None: None, "connected": 1, "stale": 0}

Value = tuple[Family, float | None]
"""A series without labels, and what the socket says of it (nothing, if None)."""


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def health(values: WebsocketValues) -> Iterator[Value]:
    """What one port says of its pings."""
    yield series.WS_UPTIME, values.uptime_seconds
    yield series.WS_PING, _seconds(values.current_ping_ms)
    yield series.WS_PING_AVERAGE, _seconds(values.avg_ping_ms)
    yield series.WS_PING_P95, _seconds(values.p95_ping_ms)
    yield series.WS_RECONNECTIONS, values.reconnection_count
    yield series.WS_TIMEOUT_WARNINGS, values.timeout_warnings
    yield series.WS_CONNECTED, _STATUS[values.status]


def export(values: WebsocketValues) -> Iterator[Value]:
    """What the resilient socket exports of itself."""
    connections = values.connections or ConnectionTotals()
    yield series.WS_CONNECTIONS, connections.total
    yield series.WS_CONNECTIONS_ACTIVE, connections.active
    yield series.WS_CONNECTIONS_FAILED, connections.failed
    yield series.WS_RECONNECTIONS, connections.reconnections
    yield series.WS_TIMEOUTS, connections.timeouts
    messages = values.messages or MessageTotals()
    yield series.WS_MESSAGES_SENT, messages.sent
    yield series.WS_MESSAGES_QUEUED, messages.queued
    yield series.WS_MESSAGES_FAILED, messages.failed
    yield series.WS_MESSAGES_EXPIRED, messages.expired
    yield series.WS_MESSAGES_DEDUPLICATED, messages.deduplicated
    queue = values.queue or Queue()
    yield series.WS_QUEUE, queue.current_size
    yield series.WS_QUEUE_LIMIT, queue.max_size
    yield series.WS_QUEUE_OVERFLOWS, queue.overflows
    retry = values.retry or RetryTotals()
    yield series.WS_RETRY_ATTEMPTS, retry.attempts
    yield series.WS_RETRY_SUCCESSES, retry.successes
    yield series.WS_RETRY_FAILURES, retry.failures
    breaker = values.circuit_breaker or Breaker()
    yield series.WS_BREAKER_STATE, _BREAKER[breaker.state]
    yield series.WS_BREAKER_OPENS, breaker.opens
    yield series.WS_BREAKER_HALF_OPENS, breaker.half_opens
    yield series.WS_BREAKER_CLOSES, breaker.closes
    yield series.WS_SEND_AVERAGE, _seconds((values.latency or SendLatency()).average_send_ms)
