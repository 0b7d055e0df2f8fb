"""The truth at a moment, over the windows that boards ask for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from tests import servers
from tests.incidents.alert_log import Alerts
from tests.incidents.expected import SCRAPE_S
from tests.incidents.story import Story
from tests.incidents.truth import Fields, Window, happened_at

RANGE_S = 60
"""The time range of a board, and of the rates in it."""

_UP = 'up{job="exai-exporter"}'


@dataclass(frozen=True)
class Moment:
    """The truth at the end of a phase; `scrapes` are the times at which the exporter was scraped."""

    story: Story
    at: float
    scrapes: list[float]

    @property
    def range(self) -> Window:
        """Return the window of the boards' time range."""
        return self.window(RANGE_S)

    def window(self, of_s: float) -> Window:
        """Return what a rate over so many seconds can know of: what lies between its first scrape and its last.

        Prometheus knows when series began: a window that begins before the gateway begins with it.
        """
        inside = [scrape for scrape in self.scrapes if self.at - of_s < scrape <= self.at]
        since = inside[0] if self.story.started < self.at - of_s else self.story.started
        return self._between(since, inside[-1], of_s)

    def around_range(self) -> Window:
        """Return the range and a scrape more, in which a series may have begun."""
        return self.window(RANGE_S + SCRAPE_S)

    def _between(self, since: float, until: float, of_s: float) -> Window:
        return Window(self.story.truth.sent(since, until), (since, until), of_s)

    def happened(self) -> Window:
        """Return the time range by the events' own times, as PostgreSQL keeps them."""
        events = [event for event in self.story.truth.events if self.at - RANGE_S <= happened_at(event) <= self.at]
        return Window(events, (self.at - RANGE_S, self.at), RANGE_S)

    def began(self, kind: str) -> list[Fields]:
        """Return what began in the time range."""
        events = (event for event in self.story.truth.events if event["kind"] == kind)
        return [event for event in events if self.at - RANGE_S <= event["start_time"] <= self.at]

    def lately(self, kind: str, within_s: float = 10, **fields: Any) -> list[Fields]:
        """Return what was sent in the last seconds."""
        return self._between(self.at - within_s, self.at, within_s).of(kind, **fields)

    def told(self, count: Callable[[Alerts], float], within_s: float = 10) -> set[float]:
        """Return what there was to count of alerts in the last seconds."""
        return {count(each) for each in self.alerts(within_s)}

    def alerts(self, within_s: float) -> list[Alerts]:
        """Return what Alertmanager has had in the last seconds, asked every second."""
        return [each for each in self.story.alerts.answers if self.at - within_s <= each.at <= self.at]

    def told_alerts(self, settled_s: float = 0) -> list[Fields]:
        """Return each alert that people were told of until then, with the time at which it was seen last, `until`."""
        found: dict[tuple[str, float], Fields] = {}
        told: set[tuple[str, float]] = set()
        for alerts in self.story.alerts.answers:
            if alerts.at <= self.at - settled_s:
                told |= {(alert["id"], alert["since"]) for alert in alerts.active}
                found |= {(alert["id"], alert["since"]): {**alert, "until": alerts.at} for alert in alerts.firing}
        return [found[each] for each in told]

    @property
    def read_after_s(self) -> int:
        """Return how many seconds ago the moment was: PostgreSQL is read as it is now."""
        return int(time.time() - self.at) + 1


def moment(story: Story) -> Moment:
    """Return the truth now, once all that belongs to it is in Prometheus and PostgreSQL."""
    at = time.time()
    servers.wait_until(lambda: (story.prometheus.value(f"timestamp({_UP})") or 0) > at, what="a scrape")
    servers.wait_until(lambda: _kept(story, at) == _sent(story, at), what="all rows are in PostgreSQL")
    (found,) = story.prometheus.query(f"{_UP}[15m]", at=at)
    return Moment(story, at, [float(time_s) for time_s, _ in found["values"]])


def _kept(story: Story, at: float) -> tuple[int, ...]:
    with psycopg.connect(story.database) as connection:
        found = connection.execute(
            "select (select count(*) from monitoring.model_calls where timestamp <= to_timestamp(%(at)s)), "
            "(select count(*) from monitoring.traces where ended_at <= to_timestamp(%(at)s))",
            {"at": at},
        ).fetchone()
    assert found
    return found


def _sent(story: Story, at: float) -> tuple[int, ...]:
    window = Window([event for event in story.truth.events if happened_at(event) <= at], (0, at), at)
    return len(window.calls()), len(window.of("trace"))
