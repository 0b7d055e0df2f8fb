"""What a gateway knows of its sessions and pools, in the shapes of its dashboard's frames.

Each tracker is the values of one gauge event; `exporter.client.snapshots` sends them. From any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from exporter.client.forks import begin_in_every_process
from exporter.client.plain_data import count
from exporter.client.recorder import harmless, nothing

MOST_NAMES = 64
"""Semaphores of each kind, and ports, that one event may hold."""

_MOST_SESSIONS = 100_000


@dataclass(slots=True)
class _Session:
    messages: int = 0
    context_tokens: int = 0


class SessionTracker:
    """The conversations that are open; the longest one's messages and the fullest one's context are shown.

    `context_limit` is how many tokens a conversation may hold.
    """

    subject = "session"

    def __init__(self, context_limit: int | None = None) -> None:
        self._limit = context_limit
        begin_in_every_process(self)

    def begin(self) -> None:
        """None is open."""
        self._lock = threading.RLock()
        self._open: dict[str, _Session] = {}
        self._total = 0

    @harmless(nothing)
    def opened(self, session_id: str) -> None:
        """A session begins; of more than 100,000 the oldest is forgotten."""
        with self._lock:
            self._session(session_id)

    @harmless(nothing)
    def message(self, session_id: str, context_tokens: int | None = None) -> None:
        """One more message; `context_tokens` are what its conversation holds now."""
        with self._lock:
            session = self._session(session_id)
            session.messages += 1
            if context_tokens is not None:
                session.context_tokens = count(context_tokens)

    @harmless(nothing)
    def closed(self, session_id: str) -> None:
        """A session ends; an unknown one is none."""
        with self._lock:
            self._open.pop(session_id, None)

    def values(self) -> dict[str, Any]:
        """As §4 of the specification has them: `session_metrics`."""
        with self._lock:
            sessions = list(self._open.values())
            values = {
                "active_sessions": len(sessions),
                "total_sessions": self._total,
                "conversation_length": max((session.messages for session in sessions), default=0),
                "context_tokens_used": max((session.context_tokens for session in sessions), default=0),
                "context_tokens_max": self._limit,
            }
        return {key: value for key, value in values.items() if value is not None}

    def _session(self, session_id: str) -> _Session:
        session = self._open.get(session_id)
        if session is None:
            session = self._open[session_id] = _Session()
            self._total += 1
            if len(self._open) > _MOST_SESSIONS:
                del self._open[next(iter(self._open))]
        return session


class PoolTracker:
    """A connection pool that tells how many of its connections are active and idle when it is asked."""

    subject = "pool"

    def __init__(self, name: str, read: Callable[[], tuple[int, int]]) -> None:
        self._name, self._read = name, read

    def values(self) -> dict[str, Any]:
        """Its connections now."""
        active, idle = self._read()
        return {"name": self._name, "active": max(0, active), "idle": max(0, idle)}
