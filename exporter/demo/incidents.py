"""The incidents that a simulated gateway can have, and when they have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from exporter.demo.conditions import NORMAL, RATE_LIMITED, Conditions

Incident = Callable[[Conditions], Conditions]


def slow_kimi(conditions: Conditions) -> Conditions:
    """kimi's models take six times as long, so that many calls are cut off."""
    return conditions.slowed("kimi", 6)


def redis_down(conditions: Conditions) -> Conditions:
    """Nearly every exchange with Redis, and with the cache in it, fails to connect."""
    return conditions.failing("redis", 0.95, "ConnectionError: Error 111 connecting to redis:6379. Refused.")


def error_burst(conditions: Conditions) -> Conditions:
    """kimi refuses seven of ten calls."""
    return conditions.failing("kimi", 0.7, RATE_LIMITED)


def model_drift(conditions: Conditions) -> Conditions:
    """glm-4.6 answers at a sixth of its speed, as after a silent change of the model: old timeouts cut it off."""
    return conditions.slowed("glm-4.6", 6)


def third_call_slow(conditions: Conditions) -> Conditions:
    """Supabase takes five times as long from a conversation's third call on, as if it read the whole history then."""
    return conditions.slowed_later("supabase", 5)


INCIDENTS: Mapping[str, Incident] = {
    "redis-down": redis_down,
    "error-burst": error_burst,
    "third-call-slow": third_call_slow,
    "slow-kimi": slow_kimi,
    "model-drift": model_drift,
}
"""Every incident by the name that `--incident` takes, in the order in which they take turns.

The last two cut calls off, which lowers the coverage of the last hour. They are last because that hour then has calm
calls in it: 15 minutes after the start, the cut-offs would be half of all calls.
"""


FIRST_AFTER_S, LASTS_S, CALM_FOR_S = 900, 180, 7020
"""Seconds of calm before the first incident, of each incident, and of calm after it, where incidents take turns.

An incident that cuts calls off lowers the coverage of its models for an hour, and two of five do. With one every two
hours all models keep 99 % of the last hour at three of four moments, and each of the last day.
"""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When each incident happens, in seconds since the start.

    The first `after_s` seconds are calm. Then all of `names` happen at once, for `for_s`, and never again. With
    `rotate` they happen one after the other, over and over, with `calm_s` of calm between two of them.
    """

    names: Sequence[str] = ()
    after_s: float = 30
    for_s: float = LASTS_S
    rotate: bool = False
    calm_s: float = 0

    def at(self, elapsed_s: float) -> Sequence[str]:
        """Return the names of the incidents that are happening."""
        since_s = elapsed_s - self.after_s
        turn, into_s = divmod(since_s, self.for_s + self.calm_s) if self.rotate else (0, since_s)
        if not self.names or since_s < 0 or into_s >= self.for_s:
            return ()
        return (self.names[int(turn) % len(self.names)],) if self.rotate else self.names

    def conditions(self, elapsed_s: float) -> Conditions:
        """How the gateway does then."""
        incidents = (INCIDENTS[name] for name in self.at(elapsed_s))
        return reduce(lambda conditions, incident: incident(conditions), incidents, NORMAL)
