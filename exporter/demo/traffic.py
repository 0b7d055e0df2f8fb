"""A gateway's life as a stream of canonical events: the same seed and start tell the same story."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from random import Random

from exporter.demo import ml_api
from exporter.demo.conditions import NORMAL, Conditions
from exporter.demo.lifecycle import Life, live
from exporter.demo.lookups import SemanticCache
from exporter.demo.readings import EVERY_S, Gauges
from exporter.demo.rhythm import steady
from exporter.demo.sessions import Sessions
from exporter.demo.shapes import Event, happened_at

ConditionsAt = Callable[[float], Conditions]
"""How the gateway does, so many seconds after its start."""

Rhythm = Callable[[float], float]
"""How many times as busy as usual it is, at a moment (Unix seconds)."""

_ML_API_SHARE = 0.2
"""Requests of others than the gateway, which asks half as often itself, for each of the gateway's."""

_LEAST_ML_API_RATE = 3.0


class Traffic:
    """Requests that arrive at random, `rate` a second as a rule, from `started` (Unix seconds) on."""

    def __init__(
        self,
        rng: Random,
        started: float,
        rate: float,
        conditions_at: ConditionsAt = lambda _: NORMAL,
        rhythm: Rhythm = steady,
    ) -> None:
        self._rng, self._ml_api_rng, gauges_rng = _three(rng)
        self._started, self._conditions_at = started, conditions_at
        self._sessions, self._cache = Sessions(self._rng), SemanticCache(self._rng)
        self._gauges = Gauges(gauges_rng, started, self._sessions, self._cache)
        self._arrivals = _Arrivals(self._rng, started, rate, rhythm)
        ml_api_rate = max(_LEAST_ML_API_RATE, rate * _ML_API_SHARE)
        self._ml_api_arrivals = _Arrivals(self._ml_api_rng, started, ml_api_rate, rhythm)
        self._next_reading = started
        self._running: list[Life] = []
        self._agenda: list[tuple[float, int, Event]] = []
        self._planned = self._requests = 0

    def until(self, now: float) -> list[Event]:
        """What happened since the last call, in the order in which it did; no event is later than `now`."""
        while self._next_reading <= now:
            self._arrive_until(self._next_reading)
            self._plan(self._read(self._next_reading))
            self._next_reading += EVERY_S
        self._arrive_until(now)
        return list(self._due(now))

    def _arrive_until(self, now: float) -> None:
        for at in self._ml_api_arrivals.until(now):
            self._plan(ml_api.answer_one(self._ml_api_rng, at))
        for at in self._arrivals.until(now):
            self._begin_request(at)

    def _begin_request(self, at: float) -> None:
        self._requests += 1
        conditions = self._conditions_at(at - self._started)
        session = self._sessions.next_call(at)
        life = live(self._requests, session, self._cache, conditions, self._rng, at)
        self._running.append(life)
        self._plan(life.events)

    def _read(self, at: float) -> Iterable[Event]:
        self._running = [life for life in self._running if life.ended_at > at]
        layers, providers = Counter[str](), Counter[str]()
        for life in self._running:
            layer = next((s["layer"] for s in life.spans if s["start_time"] <= at < s["end_time"]), None)
            layers.update([layer] if layer else [])
            providers.update([life.provider] if life.provider and layer == "ai_api" else [])
        return self._gauges.read(at, layers, providers)

    def _plan(self, events: Iterable[Event]) -> None:
        for event in events:
            self._planned += 1
            heapq.heappush(self._agenda, (happened_at(event), self._planned, event))

    def _due(self, now: float) -> Iterator[Event]:
        while self._agenda and self._agenda[0][0] <= now:
            yield heapq.heappop(self._agenda)[2]


def _three(rng: Random) -> tuple[Random, Random, Random]:
    """Independent sources of chance, so that how often one is asked does not change the others."""
    first, second, third = (Random(rng.getrandbits(64)) for _ in range(3))  # noqa: S311
    return first, second, third


class _Arrivals:
    def __init__(self, rng: Random, started: float, rate: float, rhythm: Rhythm) -> None:
        self._rng, self._rate, self._rhythm = rng, rate, rhythm
        self._next = started
        self._wait()

    def until(self, now: float) -> Iterator[float]:
        while self._next <= now:
            yield self._next
            self._wait()

    def _wait(self) -> None:
        self._next += self._rng.expovariate(self._rate * self._rhythm(self._next))
