"""A record of the alerts that Alertmanager has, asked every second."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from threading import Event

from tests import servers
from tests.incidents.truth import Fields

_ALWAYS = "Watchdog"
_ASKED_EVERY_S = 1


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


class AlertLog:
    """Every answer of an Alertmanager."""

    def __init__(self, alertmanager_url: str) -> None:
        self.answers: list[Alerts] = []
        self._url = f"{alertmanager_url}/api/v2/alerts"

    def keep(self, ended: Event) -> None:
        """Ask until it is to end."""
        while not ended.wait(_ASKED_EVERY_S):
            self.answers.append(self._ask())

    def _ask(self) -> Alerts:
        now, asked = time.time(), servers.get_json(self._url)
        found = [alert for alert in asked if alert["labels"]["alertname"] != _ALWAYS]
        always = [alert for alert in asked if alert["labels"]["alertname"] == _ALWAYS]
        return Alerts(now, _alerts(found, "active"), _alerts(found, "suppressed"), _alerts(always, "active"))


def _alerts(asked: list[Fields], state: str) -> list[Fields]:
    return [
        {**alert["labels"], "id": alert["fingerprint"], "since": datetime.fromisoformat(alert["startsAt"]).timestamp()}
        for alert in asked
        if alert["status"]["state"] == state
    ]
