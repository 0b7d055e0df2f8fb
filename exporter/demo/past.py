"""What went wrong in the weeks before a demo: two incidents, named and dated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.demo.rhythm import DAY_S

DAYS = 15
"""Days of past that a demo has: two weeks to compare with, after the day that the first mean takes."""

CALM = "calm"
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Episode:
    """An incident of the past, in Unix seconds; `story` is what was written when it was acknowledged."""

    incident: str
    started: float
    ended: float
    story: str


def episodes(now: float) -> tuple[Episode, ...]:
    """The incidents before `now`, which are the same for a whole hour."""
    hour = now // _HOUR_S * _HOUR_S

    def episode(incident: str, days_ago: int, lasted_s: float, story: str) -> Episode:
        started = hour - days_ago * DAY_S
        return Episode(incident, started, started + lasted_s, story)

    return (
        episode("redis-down", 9, 50 * 60, "Redis ran out of memory and refused connections. It has twice as much now."),
        episode("slow-kimi", 3, 2 * _HOUR_S, "Moonshot's status page reports slow answers. Waiting for them."),
    )


def condition(past: Sequence[Episode], at: float) -> str:
    """The incident that there was at a moment, or that it was calm."""
    return next((one.incident for one in past if one.started <= at < one.ended), CALM)
