"""Test alerts in a running Alertmanager."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from exporter.alerts.alertmanager_api import AlertmanagerApi
from exporter.alerts.trial_routes import ALERT, TEST_ID
from exporter.invocation import SCRIPT

_LASTS = timedelta(minutes=5)


@dataclass(slots=True)
class Trial:
    """One test alert: `send` it, ask where it goes, then `end` it.

    `labels` are those by which it is routed besides its severity.
    """

    api: AlertmanagerApi
    severity: str
    labels: Mapping[str, str] = field(default_factory=dict)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    test_id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    _started: datetime = field(init=False, default=datetime.min)

    def send(self) -> None:
        """Post the alert. It ends by itself after five minutes, for the case that nobody calls `end`."""
        self._started = self.now()
        self._post(self._started + _LASTS)

    def end(self) -> None:
        """End the alert."""
        self._post(self.now())

    def receivers(self) -> list[str]:
        """Return the names of the receivers that the alert is routed to, the exporter's included."""
        return sorted({receiver["name"] for alert in self.api.alerts(self.test_id) for receiver in alert["receivers"]})

    def held_back_by(self) -> list[str]:
        """Return the ids of the silences and alerts that keep Alertmanager from sending it."""
        held = [alert["status"] for alert in self.api.alerts(self.test_id)]
        return sorted({one for status in held for one in (*status["silencedBy"], *status["inhibitedBy"])})

    def _post(self, ends: datetime) -> None:
        spans = dict.fromkeys(("service", "provider", "model"), "all")
        test = {"alertname": ALERT, "severity": self.severity, "category": "reliability"}
        annotations = {
            "summary": "A test of the way from Alertmanager to you",
            "description": f"Nothing is wrong. Somebody ran `{SCRIPT} alerts test`.",
            "recommendation": "Do nothing: it ends by itself.",
            "dashboard": "/d/exai-gateway-overview",
            "runbook": "/runbooks/Watchdog",
        }
        self.api.post(
            {
                "labels": {**test, **spans, **self.labels, TEST_ID: self.test_id},
                "annotations": annotations,
                "startsAt": self._started.isoformat(),
                "endsAt": ends.isoformat(),
            }
        )
