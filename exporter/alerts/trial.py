"""Sends a test alert through a running Alertmanager and follows it until its channels have answered."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import yaml
from prometheus_client.parser import text_string_to_metric_families

from exporter.alerts.notifications import EXPORTER

ALERT = "ExaiTestAlert"
_ANSWER_WITHIN_S = 10
_LASTS = timedelta(minutes=5)
_COUNTED = {
    "alertmanager_notification_requests_total": "tries",
    "alertmanager_notification_requests_failed_total": "failed_tries",
    "alertmanager_notifications_failed_total": "given_up",
}


class TrialError(RuntimeError):
    """Alertmanager cannot be asked; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What Alertmanager has counted for one integration: tries, tries that failed, messages it gave up."""

    tries: int = 0
    failed_tries: int = 0
    given_up: int = 0

    @property
    def sent(self) -> bool:
        """Whether a try succeeded."""
        return self.tries > self.failed_tries

    @property
    def ended(self) -> bool:
        """Whether it has been sent or given up."""
        return self.sent or self.given_up > 0

    def since(self, before: Tally) -> Tally:
        """What has been counted on top of an earlier tally."""
        return Tally(
            self.tries - before.tries,
            self.failed_tries - before.failed_tries,
            self.given_up - before.given_up,
        )


@dataclass(slots=True)
class Trial:
    """One test alert: `send` it, then ask for `receivers` and `outcome` until all of it has `ended`.

    `labels` are those by which it is routed besides its severity.
    """

    alertmanager: str
    severity: str
    labels: Mapping[str, str] = field(default_factory=dict)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    test_id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    _before: dict[str, Tally] = field(default_factory=dict)

    def send(self) -> None:
        """Post the alert; it ends by itself after five minutes."""
        self._before = self._tallies()
        alert = {
            "labels": self._labels(),
            "annotations": {
                "summary": "A test of the way from Alertmanager to you",
                "description": "Nothing is wrong. Somebody ran `python -m exporter alerts test`.",
                "recommendation": "Do nothing: it ends by itself.",
                "dashboard": "/d/exai-gateway-overview",
                "runbook": "/runbooks/Watchdog",
            },
            "startsAt": self.now().isoformat(),
            "endsAt": (self.now() + _LASTS).isoformat(),
        }
        self._ask("/api/v2/alerts", json.dumps([alert]).encode())

    def receivers(self) -> list[str]:
        """The names of the receivers that the alert was routed to; the exporter, which tells nobody, is not one."""
        query = urlencode({"filter": f'test_id="{self.test_id}"'})
        alerts = json.loads(self._ask(f"/api/v2/alerts?{query}"))
        return sorted({receiver["name"] for alert in alerts for receiver in alert["receivers"]} - {EXPORTER})

    def channels(self, receivers: list[str]) -> list[str]:
        """The integrations of some receivers, such as slack and email."""
        original = json.loads(self._ask("/api/v2/status"))["config"]["original"]
        configured = yaml.safe_load(original)["receivers"]
        keys = {key for receiver in configured if receiver["name"] in receivers for key in receiver}
        return sorted(key.removesuffix("_configs") for key in keys if key.endswith("_configs"))

    def outcome(self, channels: list[str]) -> dict[str, Tally]:
        """What each integration has done since the alert was sent."""
        tallies = self._tallies()
        return {name: tallies.get(name, Tally()).since(self._before.get(name, Tally())) for name in channels}

    def _labels(self) -> dict[str, str]:
        spans = dict.fromkeys(("service", "provider", "model"), "all")
        test = {"alertname": ALERT, "severity": self.severity, "category": "reliability"}
        return {**test, **spans, **self.labels, "test_id": self.test_id}

    def _tallies(self) -> dict[str, Tally]:
        counts: dict[str, dict[str, int]] = {}
        for family in text_string_to_metric_families(self._ask("/metrics").decode()):
            for sample in family.samples:
                if sample.name in _COUNTED:
                    of_one = counts.setdefault(sample.labels["integration"], dict.fromkeys(_COUNTED.values(), 0))
                    of_one[_COUNTED[sample.name]] += int(sample.value)
        return {name: Tally(**of_one) for name, of_one in counts.items()}

    def _ask(self, path: str, body: bytes | None = None) -> bytes:
        request = Request(f"{self.alertmanager.rstrip('/')}{path}", body, {"Content-Type": "application/json"})  # noqa: S310
        try:
            with urlopen(request, timeout=_ANSWER_WITHIN_S) as reply:  # noqa: S310
                return bytes(reply.read())
        except HTTPError as error:
            raise TrialError(f"{self.alertmanager} answers {error.code}: {error.read(300).decode()}") from None
        except (OSError, ValueError) as error:
            raise TrialError(f"{self.alertmanager} cannot be asked: {error}") from None


def follow(
    trial: Trial,
    channels: list[str],
    deadline_s: float,
    say: Callable[[float, Mapping[str, Tally]], Any],
    pause: Callable[[float], Any] = time.sleep,
) -> dict[str, Tally]:
    """Ask for the outcome twice a second until every channel has ended, or `deadline_s` seconds are over."""
    started = time.monotonic()
    while True:
        outcome, waited_s = trial.outcome(channels), time.monotonic() - started
        say(waited_s, outcome)
        if all(tally.ended for tally in outcome.values()) or waited_s > deadline_s:
            return outcome
        pause(0.5)
