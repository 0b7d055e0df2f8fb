"""What the boards ask Prometheus about conversations, semaphores and the WebSocket that carries them."""

from __future__ import annotations

from grafana.panels import Query
from grafana.queries import MINUTE, rate
from grafana.threshold_queries import alert

_WS = "exai_websocket_"
_NAME = "{{name}}"


def _now(expr: str, legend: str = "") -> list[Query]:
    return [Query(expr, legend, instant=True)]


def _minute(series: str, legend: str) -> Query:
    """How many a minute of what happens rarely."""
    return Query(f"60 * {rate(f'{_WS}{series}_total')}", legend, step=MINUTE)


def _each_minute(names: dict[str, str]) -> list[Query]:
    return [_minute(series, legend) for legend, series in names.items()]


_SESSIONS = "sum(exai_sessions_active)"
_LONGEST = "max(exai_session_messages)"
_CONTEXT, _CONTEXT_LIMIT = "max(exai_session_context_tokens)", "max(exai_session_context_limit_tokens)"
_QUEUED, _QUEUE_LIMIT = f"sum({_WS}queue_messages)", f"sum({_WS}queue_limit_messages)"
_BREAKER = f"max({_WS}circuit_breaker_state)"
_SEMAPHORES = "name:exai_semaphore_used:ratio"
_QUEUE_USED = "gateway:exai_websocket_queue_used:ratio"

SESSIONS_NOW = _now(_SESSIONS, "sessions")
LONGEST_NOW = _now(_LONGEST, "messages")
CONTEXT_USED_NOW = _now(f"{_CONTEXT} / {_CONTEXT_LIMIT}", "fullest session")
SEMAPHORE_USED_NOW = _now(f"topk(1, {_SEMAPHORES})", _NAME)
QUEUE_USED_NOW = _now(_QUEUE_USED, "queue")
BREAKER_NOW = _now(_BREAKER, "circuit breaker")

SESSIONS = [
    Query(_SESSIONS, "sessions"),
    Query(f"sum({_WS}connections_active)", "connections"),
    Query(f"sum({_WS}connected)", "healthy ports"),
]
CONVERSATION = [Query(_LONGEST, "longest conversation")]
CONTEXT = [Query(_CONTEXT, "fullest session"), Query(_CONTEXT_LIMIT, "limit")]


def _slots(state: str) -> str:
    return f'sum by (scope, name) (exai_semaphore_slots{{state="{state}"}})'


SEMAPHORES_USED = [Query(_SEMAPHORES, _NAME)]
SEMAPHORES_ALERT = [alert("semaphore_used_ratio")]
SEMAPHORES = [
    Query(_slots("in_use"), table=True),
    Query(_slots("limit"), table=True),
    Query(_SEMAPHORES, table=True),
    Query(f"max by (scope, name) (max_over_time({_SEMAPHORES}[$__range]))", table=True),
]
LEAKS = [Query("gateway:exai_semaphore_leaks:increase15m", "leaked")]
LEAKS_ALERT = [alert("semaphore_leaks")]

PING = [
    Query(f"max({_WS}ping_seconds)", "last"),
    Query(f"max({_WS}ping_average_seconds)", "average"),
    Query(f"max({_WS}ping_p95_seconds)", "p95"),
    Query(f"max({_WS}send_average_seconds)", "send average"),
]
CONNECTIONS = _each_minute(
    {
        "connected": "connections",
        "connection failed": "connections_failed",
        "timed out": "timeouts",
        "close to timeout": "timeout_warnings",
    }
)
RECONNECTIONS = [Query("gateway:exai_websocket_reconnections:increase5m", "reconnections")]
RECONNECTIONS_ALERT = [alert("websocket_reconnections")]
UPTIME_NOW = _now(f"max({_WS}uptime_seconds)", "oldest connection")

BREAKER_STATES = [Query(_BREAKER, "circuit breaker")]
BREAKER_TURNS = _each_minute(
    {
        "opens": "circuit_breaker_opens",
        "half opens": "circuit_breaker_half_opens",
        "closes": "circuit_breaker_closes",
    }
)

QUEUE = [Query(_QUEUED, "waiting"), Query(_QUEUE_LIMIT, "limit")]
QUEUE_USED = [Query(_QUEUE_USED, "queue")]
QUEUE_ALERT = [alert("websocket_queue_ratio")]
OVERFLOWS = [Query("gateway:exai_websocket_queue_overflows:ratio_rate5m", "dropped of queued")]
OVERFLOWS_ALERT = [alert("websocket_overflow_ratio")]
MESSAGES = _each_minute(
    {
        "sent": "messages_sent",
        "queued": "messages_queued",
        "deduplicated": "messages_deduplicated",
    }
)
BYTES = [
    Query(rate('exai_connection_bytes_total{connection_type="websocket"}', "direction"), "{{direction}}", step=MINUTE)
]
LOST = _each_minute(
    {
        "failed": "messages_failed",
        "expired": "messages_expired",
        "dropped": "queue_overflows",
    }
)
RETRIES = _each_minute(
    {
        "tried again": "retry_attempts",
        "worked": "retry_successes",
        "failed again": "retry_failures",
    }
)
