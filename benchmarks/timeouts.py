"""Adaptive timeouts: coverage and pinball loss over recorded arrivals and speeds, and what they cost."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from math import exp, log
from pathlib import Path

from benchmarks.figures import Figure, Goal, alone, percentile
from benchmarks.llm_traces import SCENARIOS, Arrival, arrivals, calls, endpoints
from benchmarks.scale import FULL, Scale
from exporter.calls import Outcome
from exporter.timeout_settings import TimeoutSettings
from exporter.timeouts.estimator import Estimator
from exporter.timeouts.results import results
from exporter.timeouts.walk import walk

_QUANTILE, _WARMUP = 0.99, 50
_LEAST_CALLS = 3000
_SMOKE_CALLS = 600


def measure(scale: Scale, _directory: Path) -> Iterator[Figure]:
    """Walks through every endpoint and scenario, then times one of them."""
    requests = arrivals() if scale is FULL else arrivals()[:_SMOKE_CALLS]
    yield from _promise(requests, applies=scale is FULL)
    yield from _cost(requests, applies=scale is FULL)


def _promise(requests: Sequence[Arrival], applies: bool) -> Iterator[Figure]:
    coverages, of_models, against_hindsight, against_gateway = [], [], [], []
    for endpoint in endpoints():
        for scenario in SCENARIOS:
            found = results(walk(calls(endpoint, scenario, requests=requests), _QUANTILE, _WARMUP), _QUANTILE)
            overall, baselines = found["overall"], found["overall"]["baselines"]
            if overall["events"] >= _LEAST_CALLS:
                coverages.append(overall["coverage"])
                of_models += [model["coverage"] for model in found["models"].values()]
            against_hindsight.append(overall["pinball_s"] / baselines["hindsight"]["pinball_s"])
            against_gateway.append(overall["pinball_s"] / baselines["gateway"]["pinball_s"])
    if coverages:
        yield alone("least coverage of a trace", 100 * min(coverages), "%", Goal(98.75, "≥"))
        yield alone("most coverage of a trace", 100 * max(coverages), "%", Goal(99.25, "≤"))
        # A trace of a cold start has two models, each with half of the calls.
        yield alone("least coverage of a model", 100 * min(of_models), "%")
    mean, gateway = _geometric_mean(against_hindsight), _geometric_mean(against_gateway)
    yield alone("pinball against hindsight", mean, "x", Goal(0.85, "≤"), applies=applies)
    yield alone("pinball against hindsight, worst trace", max(against_hindsight), "x", Goal(1.15, "≤"), applies=applies)
    yield alone("pinball against the old gateway", gateway, "x", Goal(0.2, "≤"), applies=applies)


def _cost(requests: Sequence[Arrival], applies: bool) -> Iterator[Figure]:
    estimator = Estimator(TimeoutSettings())
    outcomes = [
        Outcome(call.question, call.duration_s, call.ended_at)
        for call in calls(next(iter(endpoints())), "steady", requests=requests)
    ]
    started = time.process_time()
    for outcome in outcomes:
        estimator.learn(outcome)
    rate = len(outcomes) / (time.process_time() - started)
    taken = []
    for outcome in outcomes:
        started = time.perf_counter()
        estimator.estimate(outcome.question)
        taken.append(1e6 * (time.perf_counter() - started))
    largest = max(map(len, estimator.take_unsaved().values())) / 1024
    yield alone("timeouts learned", rate, "/CPU s", Goal(50_000, "≥"), applies=applies)
    yield alone("timeout estimate p99", percentile(taken, 0.99), "µs", Goal(100, "≤"), applies=applies)
    yield alone("timeout state, largest", largest, "KiB", Goal(20, "≤"), applies=applies)


def _geometric_mean(values: list[float]) -> float:
    return exp(sum(map(log, values)) / len(values))
