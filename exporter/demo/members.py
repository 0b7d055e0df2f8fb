"""The members that the gateway's ConnectionMonitor puts into Redis, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from exporter.demo.call_sites import GATEWAY_ZONE
from exporter.demo.shapes import ConnectionEvent


@dataclass(slots=True)
class RunningTotals:
    """The totals of one connection type, in the order in which the gateway writes them."""

    connection_type: str
    total_events: int = 0
    total_sent_bytes: int = 0
    total_received_bytes: int = 0
    total_errors: int = 0
    avg_response_time_ms: float = 0.0
    last_event_timestamp: float = 0.0
    active_connections: int = 0

    @classmethod
    def resumed(cls, connection_type: str, stats: Mapping[str, str]) -> RunningTotals:
        """The totals as a stats hash has them, so that a second run continues the first."""
        return cls(
            connection_type,
            **{name: int(stats.get(name, 0)) for name in _COUNTS},
            avg_response_time_ms=float(stats.get("avg_response_time_ms", 0)),
            last_event_timestamp=float(stats.get("last_event_timestamp", 0)),
        )

    def add(self, event: Mapping[str, Any]) -> None:
        """Count a member's event. As in the gateway, the average divides by untimed events too."""
        self.total_events += 1
        self.last_event_timestamp = event["timestamp"]
        direction, response_ms = event["direction"], event["response_time_ms"]
        self.total_sent_bytes += event["data_size_bytes"] if direction == "send" else 0
        self.total_received_bytes += event["data_size_bytes"] if direction == "receive" else 0
        self.total_errors += direction == "error"
        if response_ms is not None:
            before = self.avg_response_time_ms * (self.total_events - 1)
            self.avg_response_time_ms = (before + response_ms) / self.total_events


_COUNTS = ("total_events", "total_sent_bytes", "total_received_bytes", "total_errors")


class Member(NamedTuple):
    """One write to a sorted set, and the stats hash as it is after it."""

    connection_type: str
    score: float
    text: str
    stats: dict[str, Any]


def member(event: Mapping[str, Any], totals: RunningTotals) -> Member:
    """The member of one event, which is counted in `totals` first."""
    totals.add(event)
    stats = asdict(totals)
    return Member(totals.connection_type, event["timestamp"], json.dumps({**event, "stats": stats}), stats)


def of_connection(event: ConnectionEvent) -> dict[str, Any]:
    """A connection event in the gateway's words."""
    return _in_order(
        event["timestamp"], event["connection_type"], event["direction"], event["script_name"],
        event["function_name"], event["data_size_bytes"], event["response_time_ms"], event["error"],
        event["metadata"],
    )  # fmt: skip


_KEYS = (
    "timestamp", "datetime", "connection_type", "direction", "script", "function", "data_size_bytes",
    "response_time_ms", "error", "metadata",
)  # fmt: skip


def _in_order(timestamp: float, *values: object) -> dict[str, Any]:
    shown = datetime.fromtimestamp(timestamp, UTC).astimezone(GATEWAY_ZONE).isoformat()
    return dict(zip(_KEYS, (timestamp, shown, *values), strict=True))
