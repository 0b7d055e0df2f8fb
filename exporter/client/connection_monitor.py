"""Records what crosses an application's connections: in memory, and in the background in Redis or at an exporter.

    monitor = get_monitor()
    monitor.record_event("kimi", "send", "kimi_provider.py", "chat", 1024, response_time_ms=850.0)
    record_redis_event("receive", "get", 37, response_time_ms=2.5)
    monitor.get_stats("kimi")

It takes the place of the gateway's module of that name.
"""

from __future__ import annotations

from typing import Any

from exporter.client.monitor import ConnectionMonitor

__all__ = [
    "ConnectionMonitor",
    "get_monitor",
    "record_glm_event",
    "record_kimi_event",
    "record_redis_event",
    "record_supabase_event",
    "record_websocket_event",
]

_monitors: dict[str, ConnectionMonitor] = {}


def get_monitor() -> ConnectionMonitor:
    """The monitor of this process, made from its environment when first asked for; a forked child begins it anew."""
    return _monitors.get("") or _monitors.setdefault("", ConnectionMonitor())


def record_websocket_event(direction: str, function_name: str, data_size: int, **more: Any) -> None:
    """Records an event of the WebSocket server; `more` is as record_event takes it."""
    get_monitor().record_websocket_event(direction, function_name, data_size, **more)


def record_redis_event(direction: str, function_name: str, data_size: int, **more: Any) -> None:
    """Records an event of the storage in Redis."""
    get_monitor().record_redis_event(direction, function_name, data_size, **more)


def record_supabase_event(direction: str, function_name: str, data_size: int, **more: Any) -> None:
    """Records an event of the Supabase client."""
    get_monitor().record_supabase_event(direction, function_name, data_size, **more)


def record_kimi_event(direction: str, function_name: str, data_size: int, **more: Any) -> None:
    """Records an event of the Kimi provider."""
    get_monitor().record_kimi_event(direction, function_name, data_size, **more)


def record_glm_event(direction: str, function_name: str, data_size: int, **more: Any) -> None:
    """Records an event of the GLM provider."""
    get_monitor().record_glm_event(direction, function_name, data_size, **more)
