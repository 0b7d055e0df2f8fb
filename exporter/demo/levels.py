"""How high each recorded series is while a simulated gateway is calm, and while it has an incident.

levels.json is measured: prometheus/measuring.py has the shipped rules record a simulation of some minutes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

LEVELS = Path(__file__).with_name("levels.json")

_WITH_TRAFFIC = re.compile(r":(error_)?(rate|increase)\d+m$")
_BANDS_WITH_TRAFFIC = ("request_rate", "tokens")


class Level(Struct, frozen=True):
    """One series, and its value in each condition in which there is one."""

    name: str
    labels: dict[str, str]
    values: dict[str, float]

    @property
    def follows_traffic(self) -> bool:
        """Whether twice as many requests make it twice as high."""
        return bool(_WITH_TRAFFIC.search(self.name)) or self.labels.get("band") in _BANDS_WITH_TRAFFIC


class Alert(Struct, frozen=True):
    """An alert that fires in an incident, as Prometheus hands it over."""

    labels: dict[str, str]
    annotations: dict[str, str]


class Levels(Struct, frozen=True):
    """What was measured at `rate` requests a second; `constants` are the rules' own, whatever happens."""

    rate: float
    constants: tuple[Level, ...]
    series: tuple[Level, ...]
    alerts: Mapping[str, tuple[Alert, ...]]

    def constant(self, series: str, /, **labels: str) -> float:
        """The value of a constant."""
        (found,) = (one for one in self.constants if one.name == series and labels.items() <= one.labels.items())
        return next(iter(found.values.values()))


@cache
def levels() -> Levels:
    """What is in levels.json."""
    return msgspec.json.decode(LEVELS.read_bytes(), type=Levels)
