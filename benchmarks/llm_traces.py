"""Calls of models as they might be: real arrivals and tokens, real speeds of endpoints, and what may happen to both."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple, get_args

from exporter.calls import Question
from exporter.timeouts.trace import Call

_DATA = Path(__file__).parent.parent / "tests" / "data" / "timeouts"
_SAMPLED_PROMPT = 550
"""Tokens of the prompts that the endpoints' times to the first token are of."""
_ENOUGH_SAMPLES = 100
_HUNG, _HUNG_FOR_S = 0.05, 180.0
_BURST_EVERY, _BURST_CALLS, _BURST_FACTOR, _SHIFT_FACTOR = 4000, 500, 3.0, 2.5
_EPOCH = 1_700_000_000.0

Scenario = Literal["steady", "shift", "burst", "cold_start", "hung"]
SCENARIOS: tuple[Scenario, ...] = get_args(Scenario)


class Arrival(NamedTuple):
    """A request: seconds since the first, and its tokens."""

    seconds: float
    prompt_tokens: int
    generated_tokens: int


class Speed(NamedTuple):
    """A sample of an endpoint's: seconds to the first token, and for each token after it."""

    first_token_s: float
    token_s: float


@cache
def arrivals() -> tuple[Arrival, ...]:
    """The recorded requests."""
    with gzip.open(_DATA / "arrivals.csv.gz", "rt", encoding="ascii") as lines:
        rows = csv.DictReader(lines)
        return tuple(Arrival(float(a), int(b), int(c)) for a, b, c in (row.values() for row in rows))


@cache
def endpoints() -> dict[str, tuple[Speed, ...]]:
    """The samples of each endpoint that has at least 100."""
    samples: dict[str, list[Speed]] = {}
    with (_DATA / "endpoints.csv").open(encoding="ascii") as lines:
        for row in csv.DictReader(lines):
            speed = Speed(float(row["time_to_first_token_s"]), float(row["seconds_per_token"]))
            samples.setdefault(row["endpoint"], []).append(speed)
    return {name: tuple(found) for name, found in samples.items() if len(found) >= _ENOUGH_SAMPLES}


def calls(endpoint: str, scenario: Scenario, seed: int = 1, requests: Sequence[Arrival] | None = None) -> list[Call]:
    """The requests, answered at the endpoint's speed; the same arguments give the same calls.

    Half-way, `shift` makes it 2.5 times slower, and `cold_start` brings a new model: the next endpoint. `burst` makes
    it 3 times slower for the last 500 of every 4,000; of `hung` 5 % never end, and are given up after 180 s.
    """
    requests = arrivals() if requests is None else requests
    return list(_calls(endpoint, scenario, Random(f"{endpoint} {scenario} {seed}"), requests))


def _calls(endpoint: str, scenario: Scenario, random: Random, requests: Sequence[Arrival]) -> Iterator[Call]:
    names = list(endpoints())
    newer = names[(names.index(endpoint) + 1) % len(names)]
    for place, request in enumerate(requests):
        is_late = place >= len(requests) // 2
        model = newer if scenario == "cold_start" and is_late else endpoint
        seconds = _seconds(random.choice(endpoints()[model]), request) * _factor(scenario, place, is_late)
        hung = scenario == "hung" and random.random() < _HUNG
        seconds = _HUNG_FOR_S if hung else seconds
        question = Question(model, prompt_tokens=request.prompt_tokens)
        started = _EPOCH + request.seconds
        yield Call(question, started, started + seconds, seconds, "timeout" if hung else "ok")


def _seconds(speed: Speed, request: Arrival) -> float:
    prompt = request.prompt_tokens / _SAMPLED_PROMPT
    return speed.first_token_s * prompt + speed.token_s * request.generated_tokens


def _factor(scenario: Scenario, place: int, is_late: bool) -> float:
    if scenario == "shift" and is_late:
        return _SHIFT_FACTOR
    if scenario == "burst" and place % _BURST_EVERY >= _BURST_EVERY - _BURST_CALLS:
        return _BURST_FACTOR
    return 1.0
