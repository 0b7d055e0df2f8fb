"""One event of every kind, with nothing but what is required and with every field, and what breaks one."""

from __future__ import annotations

import time
from typing import Any

NOW = time.time()
T = 1_700_000_000.5

MINIMAL: dict[str, dict[str, Any]] = {
    "connection": {"connection_type": "kimi", "direction": "send", "timestamp": T},
    "cache": {"operation": "hit", "implementation": "new", "timestamp": T},
    "duration": {"model": "kimi-k2", "duration_ms": 1500, "timestamp": T},
    "trace": {
        "trace_id": "t1", "tool_name": "chat", "start_time": T, "end_time": T + 1, "status": "ok", "spans": [],
    },
    "gauge": {"subject": "session", "instance": "gateway", "timestamp": T, "values": {}},
    "http": {"service": "api", "route": "/x/{id}", "method": "GET", "status": 200, "duration_ms": 3, "timestamp": T},
    "prediction": {"service": "ml", "model": "m1", "timestamp": T},
}  # fmt: skip

_METADATA = {"metadata": {"anything": [1, {"deep": None}]}, "event_id": "e-1", "new_field": [1, 2]}

OPTIONAL: dict[str, dict[str, Any]] = {
    "connection": {
        "script_name": "a.py", "function_name": "f", "data_size_bytes": 12, "response_time_ms": 2.5,
        "error": "TimeoutError: slow", "error_type": "TimeoutError", "error_traceback": "…", **_METADATA,
    },
    "cache": {
        "cache_key": "k", "response_time_ms": 1, "cache_size": 10, "error_type": "E", "error_message": "m",
        "similarity": 0.5, **_METADATA,
    },
    "duration": {
        "provider": "kimi", "prompt_tokens": 100, "completion_tokens": 20, "request_type": "text_only",
        "estimated_timeout_s": 3.0, "estimate_source": "adaptive", "time_to_first_token_ms": 200, "outcome": "timeout",
        "error": "APITimeoutError: Request timed out.", "error_type": "timeout",
        "request_id": "r", "tool_name": "chat", "thinking_mode": "high", "operation": "embed",
        "finish_reason": "stop", "trace_id": "t", "conversation_id": "c", "connection_type": "kimi",
        "script_name": "k.py", "function_name": "f", **_METADATA,
    },
    "trace": {
        "spans": [
            {"layer": layer, "start_time": T, "end_time": T + 0.5}
            for layer in ("shim", "websocket", "tool", "provider_selection", "ai_api", "supabase")
        ],
        "span_id": "s", "parent_span_id": "p", "conversation_id": "c", "call_index": 3, "provider": "kimi",
        "error": "E: x", **_METADATA,
    },
    "gauge": {"values": {"active_sessions": 3, "new_field": 1}, "event_id": "e-1", "new_field": 2},
    "http": {"error": "E: x", "trace_id": "t2", "event_id": "e-1", "new_field": {}},
    "prediction": {
        "absolute_error": 0.1, "confidence": 0.9, "r2": -0.5, "baseline_mae": 0.3, "event_id": "e-1", "new_field": "",
    },
}  # fmt: skip

KINDS = tuple(MINIMAL)


def minimal(kind: str, **changed: Any) -> dict[str, Any]:
    """An event with nothing but what is required, and what the test changes of it."""
    return {"kind": kind, **MINIMAL[kind], **changed}


def full(kind: str, **changed: Any) -> dict[str, Any]:
    """An event with every field."""
    return {"kind": kind, **MINIMAL[kind], **OPTIONAL[kind], **changed}


READINGS: dict[str, dict[str, Any]] = {
    "session": {
        "active_sessions": 3, "total_sessions": 9, "conversation_length": 12, "current_model": "kimi-k2",
        "context_tokens_used": 900, "context_tokens_max": 8000,
    },
    "semaphore": {
        "ports": {"8079": {"current": 2, "limit": 5, "available": 3, "usage_percent": 40.0}},
        "providers": {"8079_KIMI": {"current": 1, "limit": 4, "available": 3}},
        "total_leaks_detected": 2, "health_status": "warning",
    },
    "websocket": {
        "8079": {
            "uptime_seconds": 60.5, "current_ping_ms": 12, "avg_ping_ms": 11.5, "p95_ping_ms": 20,
            "reconnection_count": 3, "timeout_warnings": 1, "status": "connected",
        },
    },
    "request": {"in_flight": {"tool": 2, "ai_api": 1}},
    "process": {
        "service": "gateway", "uptime_seconds": 10, "cpu_ratio": 0.5, "memory_bytes": 1000, "disk_used_ratio": 0.25,
    },
    "pool": {"name": "main", "active": 2, "idle": 3},
    "cache": {"implementation": "new", "entries": 5, "size_bytes": 5000},
    "redis": {"memory_bytes": 4096, "keys": 12},
    "connection": {"active": {"kimi": 3, "websocket": 4}},
}  # fmt: skip
"""The values of a gauge event, by subject, as a gateway sends them."""

SOCKET_EXPORT: dict[str, Any] = {
    "connections": {"total": 9, "active": 2, "failed": 1, "reconnections": 4, "timeouts": 1},
    "messages": {"sent": 100, "queued": 5, "failed": 2, "expired": 1, "deduplicated": 3},
    "queue": {"current_size": 4, "max_size": 1000, "overflows": 1},
    "retry": {"attempts": 7, "successes": 5, "failures": 2},
    "circuit_breaker": {"state": "half_open", "opens": 2, "half_opens": 2, "closes": 1},
    "latency": {"average_send_ms": 12.5},
    "uptime_seconds": 60,
}
"""What the resilient socket exports of itself."""


def gauge(subject: str, values: dict[str, Any], instance: str = "gateway", timestamp: float = T) -> dict[str, Any]:
    """A gauge event."""
    return minimal("gauge", subject=subject, values=values, instance=instance, timestamp=timestamp)
