"""ConnectionMonitor's events on their way to Redis, as the gateway writes them; the exporter reads them there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from exporter.client.monitor_settings import MonitorSettings
from exporter.client.outbox import Outbox
from exporter.client.outlet import QueuedOutlet
from exporter.client.recorded import Recorded
from exporter.client.redis_sorted_sets import Member, SortedSets

_LONGEST_REST_S = 5.0


class RedisOutlet(QueuedOutlet):
    """Sorted sets and hashes as the gateway writes them; the exporter reads them."""

    kind = "redis"

    def __init__(self, settings: MonitorSettings) -> None:
        self._sets = SortedSets(settings.redis_url, settings.retention_s)
        self._leave = Outbox[Member](
            self._sets,
            capacity=settings.capacity,
            at_once=settings.batch_size,
            every_s=settings.flush_interval_s,
            longest_rest_s=_LONGEST_REST_S,
        )
        super().__init__(self._leave, settings.capacity)

    @property
    def breaker_state(self) -> str:  # type: ignore[override]
        """closed, open or half-open."""
        return self._sets.breaker.state

    def history(self, connection_types: Iterable[str], since: float) -> list[dict[str, Any]]:
        return self._sets.read(connection_types, since)

    def _put(self, event: Recorded) -> None:
        text = json.dumps(event.member())
        self._leave.leave(Member(event.connection_type, event.timestamp, text, event.stats))
