"""A simulated gateway in simulated time."""

from __future__ import annotations

from random import Random

from exporter.demo.incidents import Schedule
from exporter.demo.shapes import Event
from exporter.demo.traffic import Traffic

START = 1_795_000_000.0


def story(seconds: float, *incidents: str, seed: int = 7, step_s: float = 1, rate: float = 20) -> list[Event]:
    """Everything that happens in so many seconds, the named incidents being on from the start."""
    traffic = Traffic(Random(seed), START, rate, Schedule(incidents, 0, 1e9).conditions)
    steps = round(seconds / step_s)
    return [event for step in range(1, steps + 1) for event in traffic.until(START + step * step_s)]


def settled(*incidents: str) -> list[Event]:
    """Two minutes of it, after calls that were under way at the start have ended."""
    return [event for event in story(240, *incidents) if (event.get("timestamp") or START) > START + 120]
