"""Where a cache's operations are sent, and in what shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from exporter.client.delivery import Delivery
from exporter.client.http_peer import HttpPeer

EXPORTER, EDGE_FUNCTION = "exporter", "edge_function"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a cache; what is None is left out wherever it is sent. `timestamp` is in Unix seconds."""

    operation: str
    implementation: str
    timestamp: float
    event_id: str
    cache_key: str | None = None
    response_time_ms: float | None = None
    cache_size: int | None = None
    similarity: float | None = None
    error_type: str | None = None
    error_message: str | None = None
    metadata: Mapping[str, Any] | None = None


Shape = Callable[[Operation], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Target:
    """A server that operations are sent to."""

    name: str
    delivery: Delivery
    shape: Shape


def exporter(url: str, token: str | None = None) -> Target:
    """The exporter at a base URL. ValueError if it is none."""
    return Target(EXPORTER, Delivery(_peer(url, token)), as_event)


def edge_function(url: str, key: str | None = None) -> Target:
    """The edge function at its whole URL; `key` is the service key or a JWT of the service role. ValueError if none."""
    parts = urlsplit(url)
    peer = _peer(f"{parts.scheme}://{parts.netloc}", key)
    return Target(EDGE_FUNCTION, Delivery(peer, parts.path or "/", as_batch), as_row)


def as_event(told: Operation) -> dict[str, Any]:
    """A canonical event."""
    return {"kind": "cache", **_known(told)}


def as_row(told: Operation) -> dict[str, Any]:
    """As the edge function and its table name the fields."""
    row = _known(told)
    return {"operation_type": row.pop("operation"), "implementation_type": row.pop("implementation"), **row}


def as_batch(key: str, rows: Sequence[bytes]) -> bytes:
    """The batch that the edge function takes; the key is hexadecimal."""
    return b'{"batch_id":"' + key.encode() + b'","metrics":[' + b",".join(rows) + b"]}"


def _known(told: Operation) -> dict[str, Any]:
    return {name: value for name, value in asdict(told).items() if value is not None}


def _peer(url: str, token: str | None) -> HttpPeer:
    return HttpPeer(url, {"Authorization": f"Bearer {token}"} if token else None)
