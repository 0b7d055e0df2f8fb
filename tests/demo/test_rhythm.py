"""The demo is busier by day than by night, and on weekdays than at weekends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from statistics import fmean

import pytest

from exporter.demo.past import CALM, condition, episodes
from exporter.demo.rhythm import WEEK_S, busy, steady
from exporter.demo.traffic import Traffic

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def at(day: int, hour: int) -> float:
    return (MONDAY + timedelta(days=day, hours=hour)).timestamp()


def test_noon_is_busier_than_midnight_and_wednesday_than_sunday() -> None:
    assert busy(at(2, 12)) > 1.8 * busy(at(2, 0))
    assert busy(at(2, 12)) > 1.3 * busy(at(6, 12))
    assert min(range(7), key=lambda day: busy(at(day, 0))) == 6


def test_a_week_is_as_busy_as_the_next_and_on_average_as_asked_for() -> None:
    moments = [at(0, 0) + hour * 3600 for hour in range(7 * 24)]
    assert fmean(map(busy, moments)) == pytest.approx(1)
    assert [busy(one + WEEK_S) for one in moments] == pytest.approx([busy(one) for one in moments])
    assert all(0.3 < busy(one) < 1.7 for one in moments)


def test_traffic_follows_its_rhythm() -> None:
    def requests(started: float, **rhythm: object) -> int:
        events = Traffic(Random(1), started, 20, **rhythm).until(started + 60)  # type: ignore[arg-type]
        return sum(event["kind"] == "trace" for event in events)

    noon, night = requests(at(2, 12), rhythm=busy), requests(at(6, 0), rhythm=busy)
    assert noon > 3 * night
    assert requests(at(2, 12)) == pytest.approx(requests(at(6, 0), rhythm=steady), rel=0.2)


def test_an_incident_is_over_when_it_has_ended() -> None:
    past = episodes(at(0, 12) + 1234)
    assert past == episodes(at(0, 12))
    for episode in past:
        assert condition(past, episode.started) == episode.incident
        assert condition(past, episode.started - 1) == condition(past, episode.ended) == CALM
