"""What ConnectionMonitor tells of the events that were recorded: from memory, and from Redis."""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from exporter.client.arrivals import Arrivals
from exporter.client.ledger import KEPT
from exporter.client.plain_data import amount, count
from exporter.client.recorder import harmless, nothing

SERVICES = ("websocket", "redis", "supabase", "kimi", "glm")
"""The types that a gateway has in Redis, whether or not this process has had one of their events."""

_EXPORTED = 1000


class Reports:
    """Answers questions; one that cannot be answered gets an empty answer, and a log says why."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals

    @harmless(dict[str, Any])
    def get_stats(self, connection_type: str | None = None) -> dict[str, Any]:
        """The totals of a type since this process began, `{}` if it is unknown; without a type, those of each."""
        with self._arrivals.settled() as ledger:
            if connection_type:
                return ledger.stats(connection_type)
            return {key: ledger.stats(key) for key in ledger.types()}

    @harmless(list[dict[str, Any]])
    def get_recent_events(self, connection_type: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """The last events, newest first."""
        with self._arrivals.settled() as ledger:
            newest = ledger.newest(connection_type, limit)
        return [event.shown() for event in newest]

    @harmless(dict[str, Any])
    def get_summary(self) -> dict[str, Any]:
        """The state of everything. `total_events` are those kept; the totals of each type are in `stats`."""
        stats, arrivals = self.get_stats(), self._arrivals
        with arrivals.settled() as ledger:
            kept, active = len(ledger.last), dict(ledger.active)
        outlet, sent = arrivals.outlet, arrivals.outlet.tally()
        on_redis = outlet.kind == "redis"
        return {
            "total_events": kept,
            "connection_types": list(stats),
            "stats": stats,
            "active_connections": active,
            "buffer_size": KEPT,
            "buffer_usage": kept,
            "redis_enabled": on_redis,
            "redis_queue_size": arrivals.waiting if on_redis else 0,
            "redis_circuit_breaker": outlet.breaker_state,
            "delivers_to": outlet.kind,
            "waiting_events": arrivals.waiting,
            "delivered_events": sent.taken,
            "refused_events": sent.refused,
            "dropped_events": sent.dropped + arrivals.dropped,
        }

    @harmless(list[dict[str, Any]])
    def get_historical_data(self, connection_type: str | None = None, hours: float = 24) -> list[dict[str, Any]]:
        """The events of the last hours as they are in Redis, oldest first; none without Redis."""
        types = [connection_type] if connection_type else dict.fromkeys((*SERVICES, *self.get_stats()))
        return self._arrivals.outlet.history(types, time.time() - hours * 3600)

    @harmless(dict[str, Any])
    def get_time_series_data(
        self, connection_type: str, interval_minutes: int = 5, hours: float = 24
    ) -> dict[str, dict[str, Any]]:
        """What Redis holds of the last hours, by intervals: `{Unix time of its start: {count, errors, …}}`."""
        return _buckets(self.get_historical_data(connection_type, hours), interval_minutes * 60)

    @harmless(nothing)
    def export_json(self, filepath: str | os.PathLike[str]) -> None:
        """Writes the summary and the 1,000 newest events to a file."""
        report = {"summary": self.get_summary(), "recent_events": self.get_recent_events(limit=_EXPORTED)}
        Path(filepath).write_text(json.dumps(report, indent=2))


def _buckets(events: Iterable[Mapping[str, Any]], interval_s: int) -> dict[str, dict[str, Any]]:
    """What happened in each interval that has events, by the Unix time of its start."""
    found = defaultdict[int, list[Mapping[str, Any]]](list)
    for event in events:
        found[int(float(event["timestamp"]) // interval_s) * interval_s].append(event)
    return {str(start): _bucket(inside) for start, inside in found.items()}


def _bucket(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    times = [ms for event in events if (ms := amount(event.get("response_time_ms"))) is not None]
    return {
        "count": len(events),
        "errors": sum(bool(event.get("error")) for event in events),
        "total_bytes": sum(count(event.get("data_size_bytes") or 0) for event in events),
        "avg_response_time": sum(times) / len(times) if times else 0.0,
    }
