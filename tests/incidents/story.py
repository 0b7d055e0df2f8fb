"""A simulated gateway that has an incident, all that watches it, each of them real, and the truth about it."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any

import psycopg

from exporter.demo.incidents import Schedule
from exporter.demo.traffic import Traffic
from tests import servers
from tests.databases import postgres_server
from tests.grafana.live import alertmanager_server
from tests.incidents.expected import SCRAPE_S
from tests.incidents.truth import Fields, Truth, Window

RATE = 25
"""Requests a second."""

RANGE_S = 60
"""The time range of a board, and of the rates in it."""

CALM_S, LASTS_S, AFTER_S = 75, 115, 75
"""Prometheus writes no ALERTS before the second evaluation of their group, so an incident lasts for 2 minutes."""

PHASES = {"before": CALM_S, "during": CALM_S + LASTS_S, "after": CALM_S + LASTS_S + AFTER_S}
"""When the boards are read, in seconds from the start."""

_ACKNOWLEDGED_AT_S = CALM_S + 50

_ALWAYS = "Watchdog"
_ASKED_EVERY_S = 1
_EVENTS_AT_ONCE = 5000


@dataclass(frozen=True)
class Alerts:
    """The alerts of Alertmanager at a moment: those that it sends, those that it inhibits, and Watchdog.

    An alert is its labels, with an `id` and the Unix time at which it began, `since`.
    """

    at: float
    active: list[Fields]
    held_back: list[Fields]
    always: list[Fields]

    @property
    def firing(self) -> list[Fields]:
        """Return those that say that something is wrong."""
        return [*self.active, *self.held_back]

    @property
    def everything(self) -> list[Fields]:
        """Return all of them, the one that always fires too."""
        return [*self.firing, *self.always]


@dataclass(frozen=True)
class Acknowledged:
    """An alert that somebody has acknowledged, by its id in Alertmanager, when, and so many seconds after its start."""

    id: str
    at: float
    after_s: float


@dataclass
class Story:
    """The servers, and what has happened."""

    exporter: servers.Server
    prometheus: servers.Prometheus
    alertmanager: servers.Alertmanager
    database: str
    state: Path
    truth: Truth = field(default_factory=Truth)
    alerts: list[Alerts] = field(default_factory=list)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    started: float = 0.0

    def play(self, incident: str) -> Iterator[str]:
        """Let the gateway live; yield the name of each phase when it ends."""
        started = self.started = time.time()
        schedule = Schedule([incident], CALM_S, LASTS_S)
        traffic = Traffic(Random(3), started, RATE, schedule.conditions)
        for phase, ends_s in PHASES.items():
            if not self.acknowledged and ends_s > _ACKNOWLEDGED_AT_S:
                self._live_until(started + _ACKNOWLEDGED_AT_S, traffic)
                self._acknowledge()
            self._live_until(started + ends_s, traffic)
            yield phase

    def push(self, events: list[Any]) -> None:
        """Send events, and return when the exporter has them."""
        self._post("/api/v1/events", events, "push")

    def _post(self, path: str, body: Any, whose: str) -> None:
        token = (self.state / f"{whose}-token").read_text().strip()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        request = urllib.request.Request(  # noqa: S310
            f"{self.exporter.url}{path}", json.dumps(body).encode(), headers
        )
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310

    def _live_until(self, end: float, traffic: Traffic) -> None:
        def ended() -> bool:
            now = time.time()
            events = traffic.until(now)
            for first in range(0, len(events), _EVENTS_AT_ONCE):
                self.push(events[first : first + _EVENTS_AT_ONCE])
            self.truth.add(now, events)
            return now >= end

        servers.wait_until(ended, end - time.time() + 60, "the phase is over")

    def _acknowledge(self) -> None:
        """Acknowledge an alert of which the exporter has been told, if there is one."""
        told = servers.get_json(f"{self.exporter.url}/auditor/observations?acknowledged=false&limit=1")["observations"]
        for observation in told:
            now, since = time.time(), datetime.fromisoformat(observation["started_at"]).timestamp()
            self._post(f"/auditor/acknowledge/{observation['id']}", {"minutes": 0}, "admin")
            ids = (alert["id"] for alert in self.alerts[-1].firing if _is(observation, alert))
            self.acknowledged.append(Acknowledged(next(ids), now, now - since))

    def ask(self, ended: Event) -> None:
        """Ask Alertmanager every second what it has, until it is to end."""
        while not ended.wait(_ASKED_EVERY_S):
            self.alerts.append(self._asked(time.time()))

    def _asked(self, now: float) -> Alerts:
        asked = servers.get_json(f"{self.alertmanager.url}/api/v2/alerts")
        found = [alert for alert in asked if alert["labels"]["alertname"] != _ALWAYS]
        always = [alert for alert in asked if alert["labels"]["alertname"] == _ALWAYS]
        return Alerts(now, *(_alerts(found, state) for state in ("active", "suppressed")), _alerts(always, "active"))


def _is(observation: Fields, alert: Fields) -> bool:
    since = datetime.fromisoformat(observation["started_at"]).timestamp()
    return bool(observation["metric_name"] == alert["alertname"] and abs(since - alert["since"]) < 1)


def _alerts(asked: list[Fields], state: str) -> list[Fields]:
    return [
        {**alert["labels"], "id": alert["fingerprint"], "since": datetime.fromisoformat(alert["startsAt"]).timestamp()}
        for alert in asked
        if alert["status"]["state"] == state
    ]


@dataclass(frozen=True)
class Moment:
    """The truth at the end of a phase."""

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

    def happened(self) -> list[Fields]:
        """Return what happened in the time range by its own time, as PostgreSQL keeps it."""
        return [event for event in self.story.truth.events if self.at - RANGE_S <= _time(event) <= self.at]

    def happened_window(self) -> Window:
        """Return the same as a window."""
        return Window(self.happened(), (self.at - RANGE_S, self.at), RANGE_S)

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
        return [each for each in self.story.alerts if self.at - within_s <= each.at <= self.at]

    def told_alerts(self, settled_s: float = 0) -> list[Fields]:
        """Return each alert that people were told of until then, with the time at which it was seen last, `until`."""
        found: dict[tuple[str, float], Fields] = {}
        told: set[tuple[str, float]] = set()
        for alerts in self.story.alerts:
            if alerts.at <= self.at - settled_s:
                told |= {(alert["id"], alert["since"]) for alert in alerts.active}
                found |= {(alert["id"], alert["since"]): {**alert, "until": alerts.at} for alert in alerts.firing}
        return [found[each] for each in told]


def _time(event: Fields) -> float:
    return float(event["end_time"] if event["kind"] == "trace" else event["timestamp"])


def moment(story: Story) -> Moment:
    """Return the truth now, with all that Prometheus has heard of it."""
    at = time.time()
    up = 'up{job="exai-exporter"}'
    servers.wait_until(lambda: story.prometheus.value(f"timestamp({up})") > at - 5, what="a scrape")  # type: ignore[operator]
    servers.wait_until(lambda: _rows(story) == _told(story), what="all rows are in PostgreSQL")
    (found,) = story.prometheus.query(f"{up}[15m]", at=at)
    return Moment(story, at, [float(time_s) for time_s, _ in found["values"]])


def _rows(story: Story) -> tuple[int, ...]:
    with psycopg.connect(story.database) as connection:
        found = connection.execute(
            "select (select count(*) from monitoring.model_calls), (select count(*) from monitoring.traces)"
        ).fetchone()
    assert found
    return found


def _told(story: Story) -> tuple[int, ...]:
    all_of_it = Window(story.truth.events, (0, 0), 0)
    return len(all_of_it.calls()), len(all_of_it.of("trace"))


@contextmanager
def story(home: Path) -> Iterator[Story]:
    """Return the exporter, Prometheus, Alertmanager and PostgreSQL with all that is shipped."""
    with ExitStack() as stack:
        database = stack.enter_context(postgres_server(home)).migrated("incident")
        exporter = stack.enter_context(servers.exporter_server(home, {"EXAI_DATABASE_URL": database}))
        alertmanager = stack.enter_context(alertmanager_server(home, exporter))
        jobs = {"exai-exporter": [exporter.address]}
        prometheus = stack.enter_context(servers.prometheus_server(home, jobs, alertmanager.address))
        servers.write_targets(home / "prometheus/targets", {"prometheus": [prometheus.address]})
        story = Story(exporter, prometheus, alertmanager, database, home / "state")
        ended = Event()
        asking = Thread(target=story.ask, args=[ended])
        asking.start()
        try:
            yield story
        finally:
            ended.set()
            asking.join()
