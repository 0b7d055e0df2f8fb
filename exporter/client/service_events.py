"""Short ways to record what the gateway's own services do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

SERVICES = ("websocket", "redis", "supabase", "kimi", "glm")


class ServiceEvents(ABC):
    """Records an event of a service under its own script; `more` is as record_event takes it."""

    @abstractmethod
    def record_event(
        self,
        connection_type: str,
        direction: str,
        script_name: str,
        function_name: str,
        data_size_bytes: int,
        response_time_ms: float | None = None,
        error: str | BaseException | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Records an event of any connection."""

    def record_websocket_event(self, direction: str, function_name: str, data_size: int, **more: Any) -> None:
        """Records an event of the WebSocket server."""
        self.record_event("websocket", direction, "ws_server.py", function_name, data_size, **more)

    def record_redis_event(self, direction: str, function_name: str, data_size: int, **more: Any) -> None:
        """Records an event of the storage in Redis."""
        self.record_event("redis", direction, "storage_backend.py", function_name, data_size, **more)

    def record_supabase_event(self, direction: str, function_name: str, data_size: int, **more: Any) -> None:
        """Records an event of the Supabase client."""
        self.record_event("supabase", direction, "supabase_client.py", function_name, data_size, **more)

    def record_kimi_event(self, direction: str, function_name: str, data_size: int, **more: Any) -> None:
        """Records an event of the Kimi provider."""
        self.record_event("kimi", direction, "kimi_provider", function_name, data_size, **more)

    def record_glm_event(self, direction: str, function_name: str, data_size: int, **more: Any) -> None:
        """Records an event of the GLM provider."""
        self.record_event("glm", direction, "glm_provider", function_name, data_size, **more)
