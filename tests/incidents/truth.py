"""The record of everything that the simulated gateway did."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Fields = dict[str, Any]

INSTRUMENTED = {"kimi-k2-0905-preview", "kimi-thinking-preview", "glm-4.6"}
"""The models whose calls the application records itself; those of others are told by connection events alone."""


@dataclass
class Truth:
    """Every event in the order in which it was sent, and when (Unix seconds)."""

    times: list[float] = field(default_factory=list)
    events: list[Fields] = field(default_factory=list)

    def add(self, now: float, events: Sequence[Fields]) -> None:
        """Remember what has just been sent. Another thread may read what was sent before."""
        self.events += events
        self.times += [now] * len(events)

    def sent(self, since: float, until: float) -> list[Fields]:
        """Return what was sent after one moment and not after another."""
        return self.events[bisect_right(self.times, since) : bisect_right(self.times, until)]


@dataclass(frozen=True)
class Window:
    """The events between two scrapes (`bounds`, Unix seconds).

    `of_s` is how many seconds Prometheus was asked for; a window is shorter where the gateway has not lived so long.
    """

    events: Sequence[Fields]
    bounds: tuple[float, float]
    of_s: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.bounds[1] - self.bounds[0]

    def of(self, kind: str, **fields: Any) -> list[Fields]:
        """Return the events of a kind whose fields are these; a set means any of its members."""
        return [event for event in self.events if event["kind"] == kind and _has(event, fields)]

    def operations(self, *outcomes: str, **fields: Any) -> list[Fields]:
        """Return the connection events that end an operation with one of these outcomes."""
        return [event for event in self.of("connection", **fields) if outcome(event) in outcomes]

    def calls(self, **fields: Any) -> list[Fields]:
        """Return every call of a model, once."""
        return [call for call in self._calls() if _has(call, fields)]

    def _calls(self) -> Iterator[Fields]:
        for event in self.events:
            if event["kind"] == "duration":
                yield {**event, "error_type": error_type(event.get("error")), "tokens": _tokens(event)}
            elif event["kind"] == "connection" and event["metadata"].get("model", "") not in {"", *INSTRUMENTED}:
                yield _described(event)


def happened_at(event: Fields) -> float:
    """Return when an event is known (Unix seconds)."""
    return float(event["end_time"] if event["kind"] == "trace" else event["timestamp"])


def outcome(event: Fields) -> str:
    """Return how the operation that a connection event tells of ended, "" where it tells of none."""
    if event["direction"] in {"reject", "rate_limit"}:
        return "refused"
    if event["error"] or event["direction"] == "error":
        return "error"
    if event["response_time_ms"] is not None or event["direction"] in {"receive", "success", "connect"}:
        return "ok"
    return ""


def error_type(text: str | None) -> str:
    """Return the type of a model call's error, as docs/events.md lists them, for the texts that the demo writes."""
    known = {"429": "rate_limited", "500": "server_error", "timed out": "timeout", "Connection error": "connection"}
    return next((name for part, name in known.items() if part in (text or "")), "")


def _described(event: Fields) -> Fields:
    """Return the model call that a connection event of the gateway describes."""
    failed = error_type(event["error"])
    return {
        "model": event["metadata"]["model"],
        "provider": event["connection_type"],
        "duration_ms": event["response_time_ms"],
        "outcome": {"": "ok", "timeout": "timeout"}.get(failed, "error"),
        "error_type": failed,
        "tokens": event["metadata"]["tokens"],
    }


def _tokens(event: Fields) -> int:
    """Return the tokens that a call has used; one that was refused has used none."""
    refused = error_type(event.get("error")) == "rate_limited"
    return 0 if refused else event["prompt_tokens"] + event["completion_tokens"]


def _has(event: Fields, fields: Fields) -> bool:
    return all(
        event.get(name) in wanted if isinstance(wanted, set) else event.get(name) == wanted
        for name, wanted in fields.items()
    )


def counted(events: Sequence[Fields], key: Callable[[Fields], str]) -> dict[str, list[Fields]]:
    """Group events by a key."""
    groups: dict[str, list[Fields]] = {}
    for event in events:
        groups.setdefault(key(event), []).append(event)
    return groups
