"""Writes connection events to Redis as ConnectionMonitor does, so that the exporter meets a real gateway."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, cast

import redis

from exporter.demo.members import Member, RunningTotals, member, of_connection
from exporter.demo.outbox import AwayError, Outbox, RefusedError
from exporter.demo.shapes import ConnectionEvent

OURS = "exai_demo:writes_here"
"""Marks a Redis whose events are simulated; without it, events that are there are a real gateway's."""

CONNECTION_TYPES = ("websocket", "redis", "supabase", "kimi", "glm")
_EXPIRES_S = 24 * 3600
_OURS_EXPIRES_S = _EXPIRES_S + 60
_PATIENCE_S = 5


def events_key(connection_type: str) -> str:
    """The sorted set of a connection's events."""
    return f"connection_monitor:{connection_type}:events"


def stats_key(connection_type: str) -> str:
    """The hash of a connection's running totals."""
    return f"connection_monitor:{connection_type}:stats"


class RedisWriter(Outbox[Member]):
    """Up to 100 members at a time, or what there is every 5 s; 1,000 wait at most."""

    most, every_s, capacity = 100, 5.0, 1000

    def __init__(self, url: str) -> None:
        super().__init__()
        self._redis = redis.Redis.from_url(
            url, decode_responses=True, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S
        )
        self._totals: dict[str, RunningTotals] = {}
        self._active: dict[str, int] = {}
        self._claimed = False

    def record(self, event: ConnectionEvent) -> None:
        """Put an event into the buffer, counted in its type's totals."""
        connection_type = event["connection_type"]
        if connection_type not in self._totals:
            self._totals[connection_type] = self._resume(connection_type)
        totals = self._totals[connection_type]
        totals.active_connections = self._active.get(connection_type, 0)
        self.put(member(of_connection(event), totals))

    def set_active(self, connection_type: str, connections: int) -> None:
        """How many connections of a type are open from now on."""
        self._active[connection_type] = connections

    def send(self, batch: list[Member], key: str) -> int:  # noqa: ARG002
        """Add the members to their sorted sets, and bring the stats hashes up to them."""
        try:
            self._claim()
            self._write(batch)
        except redis.RedisError as failure:
            raise AwayError(f"Redis: {failure}") from failure
        return len(batch)

    def close(self, grace_s: float) -> None:
        """Write what waits, then hang up."""
        super().close(grace_s)
        self._redis.close()

    def _resume(self, connection_type: str) -> RunningTotals:
        try:
            stats = self._redis.hgetall(stats_key(connection_type))
        except redis.RedisError:
            return RunningTotals(connection_type)
        return RunningTotals.resumed(connection_type, cast(Mapping[str, str], stats))

    def _claim(self) -> None:
        if self._claimed or self._redis.exists(OURS):
            self._claimed = True
        elif self._redis.exists(*(events_key(connection_type) for connection_type in CONNECTION_TYPES)):
            raise RefusedError("this Redis holds a real gateway's events: nothing simulated is written to it")

    def _write(self, batch: list[Member]) -> None:
        by_type = defaultdict[str, list[Member]](list)
        for written in batch:
            by_type[written.connection_type].append(written)
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.set(OURS, 1, ex=_OURS_EXPIRES_S)
            for connection_type, members in by_type.items():
                events = events_key(connection_type)
                pipeline.zadd(events, {written.text: written.score for written in members})
                pipeline.expire(events, _EXPIRES_S)
                pipeline.hset(stats_key(connection_type), mapping=cast(Any, members[-1].stats))
            pipeline.execute()
