"""The incidents that a simulated gateway can have, and when they have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from exporter.demo.conditions import NORMAL, Conditions

Incident = Callable[[Conditions], Conditions]


def slow_kimi(conditions: Conditions) -> Conditions:
    """kimi's models take six times as long, so that many calls are cut off."""
    return conditions.slowed("kimi", 6)


def redis_down(conditions: Conditions) -> Conditions:
    """Nearly every exchange with Redis, and with the cache in it, fails to connect."""
    return conditions.failing("redis", 0.95, "ConnectionError: Error 111 connecting to redis:6379. Refused.")


def error_burst(conditions: Conditions) -> Conditions:
    """kimi refuses seven of ten calls, which makes about 40 % of its events errors."""
    return conditions.failing("kimi", 0.7, "APIStatusError: 429 rate limited")


def model_drift(conditions: Conditions) -> Conditions:
    """glm-4.6 answers at a sixth of its speed, as after a silent change of the model: old timeouts cut it off."""
    return conditions.slowed("glm-4.6", 6)


INCIDENTS: Mapping[str, Incident] = {
    "slow-kimi": slow_kimi,
    "redis-down": redis_down,
    "error-burst": error_burst,
    "model-drift": model_drift,
}
"""Every incident by the name that `--incident` takes."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which incidents there are at a moment, in seconds since the start.

    Calm for `after_s`, then all of `names` at once for `for_s` and never again. With `rotate`, calm and
    one incident take turns for ever.
    """

    names: Sequence[str] = ()
    after_s: float = 30
    for_s: float = 180
    rotate: bool = False

    def at(self, elapsed_s: float) -> Sequence[str]:
        """The names of the incidents that are on."""
        turn, into_turn = divmod(elapsed_s, self.after_s + self.for_s) if self.rotate else (0, elapsed_s)
        if not self.names or not self.after_s <= into_turn < self.after_s + self.for_s:
            return ()
        return (self.names[int(turn) % len(self.names)],) if self.rotate else self.names

    def conditions(self, elapsed_s: float) -> Conditions:
        """How the gateway does then."""
        incidents = (INCIDENTS[name] for name in self.at(elapsed_s))
        return reduce(lambda conditions, incident: incident(conditions), incidents, NORMAL)
