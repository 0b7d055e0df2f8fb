"""Events counted by intervals of time, as charts want them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from exporter.client.plain_data import amount, count


def buckets(events: Iterable[Mapping[str, Any]], interval_s: int) -> dict[str, dict[str, Any]]:
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
