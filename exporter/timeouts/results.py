"""What timeouts would have done to recorded calls, in a few numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from exporter.timeouts.baselines import best_constant
from exporter.timeouts.walk import ADAPTIVE, Scored

BASELINES = ("static", "gateway", "rolling_p99", "hindsight")


def results(models: Mapping[str, Scored], quantile: float) -> dict[str, Any]:
    """`{"overall": R, "models": {name: R}}`; in the overall figures hindsight has one constant a model."""
    complete = {name: _with_hindsight(scored, quantile) for name, scored in models.items()}
    return {
        "overall": _result(_together(complete.values()), quantile),
        "models": {name: _result(scored, quantile) for name, scored in complete.items()},
    }


def pinball_s(durations_s: Sequence[float], timeouts_s: Sequence[float], quantile: float) -> float:
    """The mean pinball loss (Koenker and Bassett 1978), in seconds, which the true quantile makes least."""
    losses = (
        quantile * (duration - timeout) if duration > timeout else (1.0 - quantile) * (timeout - duration)
        for duration, timeout in zip(durations_s, timeouts_s, strict=True)
    )
    return sum(losses) / len(durations_s)


def _with_hindsight(scored: Scored, quantile: float) -> Scored:
    durations = scored.durations_s
    best = best_constant(sorted(durations), quantile) if durations else 0.0
    return Scored(durations, {**scored.timeouts_s, "hindsight": [best] * len(durations)})


def _together(models: Iterable[Scored]) -> Scored:
    overall = Scored()
    for scored in models:
        overall.durations_s += scored.durations_s
        for name, seconds in scored.timeouts_s.items():
            overall.timeouts_s.setdefault(name, []).extend(seconds)
    return overall


def _result(scored: Scored, quantile: float) -> dict[str, Any]:
    durations, timeouts = scored.durations_s, scored.timeouts_s
    return {
        "events": len(durations),
        **_figures(durations, timeouts.get(ADAPTIVE, []), quantile),
        "baselines": {name: _figures(durations, timeouts.get(name, []), quantile) for name in BASELINES},
    }


def _figures(durations: Sequence[float], timeouts: Sequence[float], quantile: float) -> dict[str, float | None]:
    """No call, no number: each is None then."""
    if not durations:
        return dict.fromkeys(("coverage", "mean_timeout_s", "p95_timeout_s", "pinball_s"))
    within = sum(duration <= timeout for duration, timeout in zip(durations, timeouts, strict=True))
    return {
        "coverage": within / len(durations),
        "mean_timeout_s": sum(timeouts) / len(timeouts),
        "p95_timeout_s": best_constant(sorted(timeouts), 0.95),
        "pinball_s": pinball_s(durations, timeouts, quantile),
    }
