"""The simulated gateway: it sends its events to an exporter and remembers them."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from pathlib import Path
from random import Random

from exporter.demo.incidents import Schedule
from exporter.demo.traffic import Traffic
from tests.incidents.truth import Fields, Truth

RATE = 25
"""Requests a second."""

CALM_S, LASTS_S, AFTER_S = 75, 115, 75
"""Prometheus writes no ALERTS before the second evaluation of their group, so an incident lasts for 2 minutes."""

_SEED = 3
_STEP_S = 0.2


class Gateway:
    """A gateway that has an incident after some calm; `state` is the directory of the exporter's tokens."""

    def __init__(self, exporter_url: str, state: Path, incident: str, truth: Truth) -> None:
        self.started = time.time()
        self._exporter_url, self._state, self._truth = exporter_url, state, truth
        self._traffic = Traffic(Random(_SEED), self.started, RATE, Schedule([incident], CALM_S, LASTS_S).conditions)

    def live(self, ended: threading.Event) -> None:
        """Send what happens until it is to end."""
        while not ended.wait(_STEP_S):
            now = time.time()
            events: list[Fields] = [dict(event) for event in self._traffic.until(now)]
            post(f"{self._exporter_url}/api/v1/events", events, self._state / "push-token")
            self._truth.add(now, events)


def post(url: str, body: object, token: Path) -> None:
    """Send something to the exporter with the token in a file."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token.read_text().strip()}"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
