"""The part of its error budget that each service has spent, computed from their events and config/slos.yml."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from tests.incidents.truth import Fields, outcome
from tests.servers import ROOT

_CONFIG: Any = yaml.safe_load((ROOT / "config/slos.yml").read_text())


@dataclass(frozen=True)
class Spent:
    """How many events were bad of so many, of which a share must be good."""

    bad: int
    events: int
    objective: float

    @property
    def allowed(self) -> float:
        """How many might have been bad."""
        return self.events * (1 - self.objective)


def spent(events: Sequence[Fields]) -> dict[str, list[Spent]]:
    """Return what each objective's services have spent."""
    connections = [event for event in events if event["kind"] == "connection"]
    return {
        "availability": [_availability(connections, name) for name in _CONFIG["availability"]],
        "latency": [_latency(connections, name) for name in _CONFIG["latency"]],
    }


def left(found: Sequence[Spent], more: int = 0) -> float:
    """Return the share of what is allowed that is left to several services together if so many more events are bad.

    All of it is left where little has happened.
    """
    counted = [each for each in found if each.events >= _CONFIG["minimum_events"]]
    if not counted:
        return 1
    return 1 - (sum(each.bad for each in counted) + more) / sum(each.allowed for each in counted)


def _availability(connections: Sequence[Fields], name: str) -> Spent:
    outcomes = [outcome(event) for event in connections if event["connection_type"] == name]
    events = sum(each in {"ok", "error"} for each in outcomes)
    return Spent(outcomes.count("error"), events, _CONFIG["availability"][name])


def _latency(connections: Sequence[Fields], name: str) -> Spent:
    times = [event["response_time_ms"] for event in connections if event["connection_type"] == name]
    took = [each / 1000 for each in times if each is not None]
    promise = _CONFIG["latency"][name]
    return Spent(sum(each > promise["within_seconds"] for each in took), len(took), promise["objective"])
