"""What the simulated gateway measures of itself every other second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

from exporter.demo.lookups import SemanticCache
from exporter.demo.ml_api import SERVICE as ML_API
from exporter.demo.resilient_socket import ResilientSocket
from exporter.demo.sessions import CONTEXT_LIMIT_TOKENS, Sessions
from exporter.demo.shapes import GaugeEvent

GATEWAY = "gateway"
LAYERS = ("shim", "websocket", "tool", "provider_selection", "ai_api", "supabase")
PORT = "8079"
EVERY_S = 2.0
_PORT_SLOTS, _PROVIDER_SLOTS = 150, 80
_PROVIDERS = ("kimi", "glm")
_POOL_SIZE = {"redis": 50, "supabase": 20}
_LEAKS = 1
"""Once, long ago: a slot that is lost today is an alert."""

_ENTRY_BYTES = 3_000
_UP_BEFORE_S = 3_600
_MIB = 1 << 20

Values = dict[str, Any]


class Gauges:
    """Reads every subject's gauges at once."""

    def __init__(self, rng: Random, started: float, sessions: Sessions, cache: SemanticCache) -> None:
        self._rng, self._started, self._sessions, self._cache = rng, started, sessions, cache
        self._socket = ResilientSocket(rng, started)

    def read(self, at: float, layers: Counter[str], providers: Counter[str]) -> list[GaugeEvent]:
        """All gauges at `at` (Unix seconds), given the requests in each layer and at each provider."""
        return [
            {"kind": "gauge", "subject": subject, "instance": instance, "timestamp": at, "values": values}
            for subject, instance, values in self._all(at, layers, providers)
        ]

    def _all(self, at: float, layers: Counter[str], providers: Counter[str]) -> Iterator[tuple[str, str, Values]]:
        sessions = len(self._sessions.open) - self._rng.randrange(5)
        yield "session", GATEWAY, self._session(sessions)
        yield "semaphore", GATEWAY, self._semaphores(providers)
        yield "websocket", PORT, self._socket.read(at, sessions)
        yield "request", GATEWAY, {"in_flight": {layer: layers[layer] for layer in LAYERS}}
        yield "process", "exai-gateway", self._process(at, 0.35, 420)
        yield "process", ML_API, self._process(at, 0.15, 256)
        pools = {name: self._rng.randint(1, size // 2) for name, size in _POOL_SIZE.items()}
        for name, active in pools.items():
            yield "pool", name, {"name": name, "active": active, "idle": _POOL_SIZE[name] - active}
        calls = {provider: providers[provider] for provider in _PROVIDERS}
        yield "connection", GATEWAY, {"active": {"websocket": sessions, **pools, **calls}}
        for implementation, entries in self._cache.entries.items():
            size_bytes = entries * _ENTRY_BYTES
            yield "cache", implementation, {
                "implementation": implementation, "entries": entries, "size_bytes": size_bytes,
            }  # fmt: skip
        yield "redis", GATEWAY, self._redis()

    def _session(self, active: int) -> Values:
        return {
            "active_sessions": active,
            "total_sessions": self._sessions.total,
            "conversation_length": self._sessions.longest,
            "context_tokens_used": self._sessions.fullest,
            "context_tokens_max": CONTEXT_LIMIT_TOKENS,
        }

    def _semaphores(self, providers: Counter[str]) -> Values:
        return {
            "ports": {PORT: _slots(providers.total(), _PORT_SLOTS)},
            "providers": {
                f"{PORT}_{provider.upper()}": _slots(providers[provider], _PROVIDER_SLOTS) for provider in _PROVIDERS
            },
            "total_leaks_detected": _LEAKS,
            "health_status": "warning" if providers.total() >= _PORT_SLOTS else "healthy",
        }

    def _process(self, at: float, cpu_ratio: float, memory_mib: int) -> Values:
        return {
            "uptime_seconds": at - self._started + _UP_BEFORE_S,
            "cpu_ratio": round(cpu_ratio * self._rng.uniform(0.7, 1.3), 4),
            "memory_bytes": round(memory_mib * _MIB * self._rng.uniform(0.95, 1.05)),
            "disk_used_ratio": round(0.45 + self._rng.uniform(0, 0.02), 4),
        }

    def _redis(self) -> Values:
        entries = sum(self._cache.entries.values())
        return {
            "memory_bytes": 24 * _MIB + entries * _ENTRY_BYTES + self._rng.randrange(_MIB),
            "keys": entries + len(self._sessions.open) + self._rng.randrange(20),
        }


def _slots(wanted: int, limit: int) -> dict[str, float]:
    current = min(wanted, limit)
    used = round(100 * current / limit, 1)
    return {"current": current, "limit": limit, "available": limit - current, "usage_percent": used}
