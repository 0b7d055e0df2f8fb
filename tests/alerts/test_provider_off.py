"""A provider that is turned off completely is seen as failing completely, as down, and as critical within 2 minutes.

Each call of it is two events, one as it is sent and one as it ends.
"""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from random import Random
from typing import Any

from exporter.demo.conditions import NORMAL, Conditions
from exporter.demo.shapes import Event
from exporter.demo.traffic import Traffic
from grafana.overview_queries import ERROR_RATIO_NOW, OPERATIONS_BY_OUTCOME
from grafana.panels import Query
from tests.alerts.test_incidents import Watched, watched
from tests.servers import wait_until

CALM_S, TOLD_WITHIN_S = 20, 120
LAST_ANSWERS_TAKE_S = 60
"""So long after the end calls still end that began before it."""

RATE = 10
"""Requests a second."""

TURNED_OFF = NORMAL.failing("kimi", 1, "Connection error.")


class Gateway:
    """A simulated gateway that pushes its events; kimi is turned off after some calm."""

    def __init__(self, story: Watched) -> None:
        self.started = time.time()
        self._story = story
        self._traffic = Traffic(Random(3), self.started, RATE, self._conditions)

    def wait(self, until_s: float, condition: Any, what: str) -> None:
        """Go on until the condition holds, for so many seconds after the start at most."""

        def holds() -> bool:
            self._push()
            return bool(condition())

        wait_until(holds, self.started + until_s - time.time(), what)

    def _conditions(self, elapsed_s: float) -> Conditions:
        return NORMAL if elapsed_s < CALM_S else TURNED_OFF

    def _push(self) -> None:
        events = [each for event in self._traffic.until(time.time()) for each in (*sent(event), event)]
        token = self._story.token.read_text().strip()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        request = urllib.request.Request(  # noqa: S310
            f"{self._story.exporter.url}/api/v1/events", json.dumps(events).encode(), headers
        )
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


def test_a_provider_that_is_turned_off_is_down_and_critical_within_two_minutes(tmp_path: Path) -> None:
    with watched(tmp_path) as story:
        gateway = Gateway(story)
        gateway.wait(CALM_S, lambda: state(story, "kimi") == 1, "kimi is up")
        gateway.wait(CALM_S + TOLD_WITHIN_S, lambda: "kimi" in critical(story), "the critical alert of kimi is told")
        assert state(story, "kimi") == 3
        off_for_a_minute = CALM_S + LAST_ANSWERS_TAKE_S + 120
        gateway.wait(off_for_a_minute, lambda: shown(story, ERROR_RATIO_NOW[0], "kimi") == 1, "the board shows 100 %")
        ok, error, _ = (shown(story, outcome, "kimi") or 0 for outcome in OPERATIONS_BY_OUTCOME)
        assert ok == 0
        assert error > 0
        assert state(story, "glm") == 1
        assert critical(story) == {"kimi"}


def sent(event: Event) -> list[Event]:
    """The event of sending the call that ends with this one."""
    if event["kind"] != "connection" or event["connection_type"] != "kimi":
        return []
    return [{**event, "direction": "send", "response_time_ms": None, "error": None, "metadata": {}}]


def state(story: Watched, service: str) -> float | None:
    """The recorded state: 1 up, 3 down."""
    return story.prometheus.value(f'service:exai_service_state:code{{service="{service}"}}')


def critical(story: Watched) -> set[str]:
    """Return the services whose critical alert the sink has received."""
    alerts = (alert["labels"] for body in story.sink.bodies for alert in body["alerts"])
    wanted = {"alertname": "ExaiConnectionErrorRatioHigh", "severity": "critical"}
    return {labels["service"] for labels in alerts if wanted.items() <= labels.items()}


def shown(story: Watched, query: Query, service: str) -> float | None:
    """Return the value that the overview shows of one service, over the last minute."""
    return story.prometheus.value(query.expr.replace("$service", service).replace("$__rate_interval", "1m"))
