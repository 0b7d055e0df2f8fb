"""Goes through recorded calls in time: each gets a timeout at its start, and is learned at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from exporter.calls import Question
from exporter.timeout_settings import TimeoutSettings
from exporter.timeouts.baselines import Baseline, Gateway, RollingQuantile, Static
from exporter.timeouts.estimator import Estimator
from exporter.timeouts.policy import policy_for
from exporter.timeouts.trace import Call

ADAPTIVE = "adaptive"
_SHORTEST_S, _LONGEST_S = 0.001, 86_400.0


@dataclass(slots=True)
class Scored:
    """The calls of a model that count, and what each method gave them."""

    durations_s: list[float] = field(default_factory=list)
    timeouts_s: dict[str, list[float]] = field(default_factory=dict)


@dataclass(slots=True)
class _Model:
    baselines: Mapping[str, Baseline]
    seen: int = 0
    scored: Scored = field(default_factory=Scored)


def walk(
    calls: Sequence[Call], quantile: float, warmup: int, progress: Callable[[int], object] = lambda _: None
) -> dict[str, Scored]:
    """What each model's calls were given, by model, from its call `warmup` + 1 on.

    A call is estimated from those that had ended when it started, and from what was known before it. One that hung
    or failed is not scored. No floor, ceiling or override is in the way: these would hide what is learned.
    """
    settings = TimeoutSettings(quantile=quantile, floor_s=_SHORTEST_S, ceiling_s=_LONGEST_S)
    estimator, models = Estimator(settings), dict[str, _Model]()
    for call, ends in _in_time(calls):
        model = models.get(call.question.model)
        if model is None:
            model = models[call.question.model] = _Model(_baselines(settings, call.question))
        if ends:
            _learn(estimator, model, call)
        else:
            _estimate(estimator, model, call, warmup)
            progress(1)
    return {name: models[name].scored for name in sorted(models)}


def _in_time(calls: Sequence[Call]) -> Iterator[tuple[Call, bool]]:
    """Each call at its start and, True, at its end; what ends when another starts has ended before."""
    running: list[tuple[float, int]] = []
    for place in sorted(range(len(calls)), key=lambda place: calls[place].started_at):
        while running and running[0][0] <= calls[place].started_at:
            yield calls[heappop(running)[1]], True
        yield calls[place], False
        heappush(running, (calls[place].ended_at, place))
    while running:
        yield calls[heappop(running)[1]], True


def _learn(estimator: Estimator, model: _Model, call: Call) -> None:
    if call.learned:
        estimator.learn(call.learned)
    if call.outcome == "ok":
        for baseline in model.baselines.values():
            baseline.learn(call.duration_s)


def _estimate(estimator: Estimator, model: _Model, call: Call, warmup: int) -> None:
    given = {name: baseline.timeout_s() for name, baseline in model.baselines.items()}
    given[ADAPTIVE] = estimator.estimate(call.question).timeout_s
    model.seen += 1
    if model.seen > warmup and call.outcome == "ok":
        model.scored.durations_s.append(call.duration_s)
        for name, seconds in given.items():
            model.scored.timeouts_s.setdefault(name, []).append(seconds)


def _baselines(settings: TimeoutSettings, question: Question) -> Mapping[str, Baseline]:
    base = policy_for(settings, question.model, question.provider).static_s
    return {
        "static": Static(base),
        "gateway": Gateway(base),
        "rolling_p99": RollingQuantile(settings.quantile, base),
    }
