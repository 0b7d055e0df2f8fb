"""With incidents in turn, the boards look healthy most of the time: what they show of the promise is measured here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from random import Random
from statistics import fmean

from exporter import conventions, recordings
from exporter.demo.incidents import CALM_FOR_S, FIRST_AFTER_S, INCIDENTS, LASTS_S, Schedule
from exporter.demo.traffic import Traffic
from exporter.fold.apply import Fold
from exporter.fold.state import State
from exporter.settings import Settings
from exporter.timeouts.estimator import Estimator
from exporter.types import Batch
from tests.demo.story import START

HEALTHY = 0.98
"""Below it, the board's card of the lowest coverage is red."""


def test_with_incidents_in_turn_most_moments_see_every_model_keep_its_promise() -> None:
    shown = coverage_by_minute(Schedule(tuple(INCIDENTS), FIRST_AFTER_S, LASTS_S, rotate=True, calm_s=CALM_FOR_S), 8)
    kept = [min(coverage.values(), default=1) >= HEALTHY for coverage in shown]
    assert kept[FIRST_AFTER_S // 60 - 1]
    assert 0.7 < fmean(kept) < 0.9, fmean(kept)
    for model, coverage in shown[-1].items():
        assert coverage > HEALTHY, model


def coverage_by_minute(schedule: Schedule, hours: int) -> list[dict[str, float]]:
    """The coverage of each model in the hour before each minute, as the exporter counts it, from 20 calls on."""
    traffic, settings = Traffic(Random(5), START, 2, schedule.conditions), Settings()
    fold = Fold(State(settings.budgets), {}, Estimator(settings.timeouts))
    counted: list[dict[tuple[str, str], float]] = []
    for now in (START + 60 * minute for minute in range(1, hours * 60 + 1)):
        calls = (json.dumps(event).encode() for event in traffic.until(now) if event["kind"] == "duration")
        fold.apply(Batch("demo", recordings.by_time(recordings.events_of(calls, lambda: now)), received=now))  # noqa: B023 - called at once
        counted.append(outcomes(fold.state))
    return [since(counted[max(minute - 60, 0)], now) for minute, now in enumerate(counted)]


def outcomes(state: State) -> dict[tuple[str, str], float]:
    counts: Counter[tuple[str, str]] = Counter()
    for family, children in state.each():
        if family is conventions.TIMEOUT_OUTCOMES:
            for child in children:
                model, _, outcome = child.labels
                counts[model, outcome] += child.value
    return counts


def since(before: Mapping[tuple[str, str], float], now: Mapping[tuple[str, str], float]) -> dict[str, float]:
    more = {key: value - before.get(key, 0) for key, value in now.items()}
    calls = {model: more[model, "within"] + more[model, "exceeded"] for model, _ in more}
    return {model: more[model, "within"] / total for model, total in calls.items() if total >= 20}
