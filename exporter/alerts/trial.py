"""Sends a test alert through a running Alertmanager and follows it until its channels have answered."""

from __future__ import annotations

import json
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import yaml

from exporter.alerts.notifications import EXPORTER
from exporter.alerts.tallies import Channel, Tallies, Tally
from exporter.invocation import SCRIPT

ALERT = "ExaiTestAlert"
_ANSWER_WITHIN_S = 10
_LASTS = timedelta(minutes=5)


class TrialError(RuntimeError):
    """Alertmanager cannot be asked; the text says where and why."""


@dataclass(slots=True)
class Trial:
    """One test alert: `send` it, then ask for `receivers`, their `channels`, and the `outcome` until all have ended.

    `labels` are those by which it is routed besides its severity.
    """

    alertmanager: str
    severity: str
    labels: Mapping[str, str] = field(default_factory=dict)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    test_id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    _before: Tallies = field(default_factory=Tallies)

    def send(self) -> None:
        """Post the alert; it ends by itself after five minutes."""
        self._before = self._tallies()
        alert = {
            "labels": self._labels(),
            "annotations": {
                "summary": "A test of the way from Alertmanager to you",
                "description": f"Nothing is wrong. Somebody ran `{SCRIPT} alerts test`.",
                "recommendation": "Do nothing: it ends by itself.",
                "dashboard": "/d/exai-gateway-overview",
                "runbook": "/runbooks/Watchdog",
            },
            "startsAt": self.now().isoformat(),
            "endsAt": (self.now() + _LASTS).isoformat(),
        }
        self._ask("/api/v2/alerts", json.dumps([alert]).encode())

    def receivers(self) -> list[str]:
        """The names of the receivers that the alert was routed to; the exporter, which tells nobody, is one of them."""
        return sorted({receiver["name"] for alert in self._alerts() for receiver in alert["receivers"]})

    def held_back_by(self) -> list[str]:
        """The ids of the silences and the alerts because of which Alertmanager tells nobody of this one."""
        held = [alert["status"] for alert in self._alerts()]
        return sorted({one for status in held for one in (*status["silencedBy"], *status["inhibitedBy"])})

    def channels(self, receivers: Sequence[str]) -> list[Channel]:
        """What some receivers are told through: integrations of people's, such as slack and email, and the exporter.

        Where Alertmanager does not tell receivers apart, the exporter and people's webhooks are one channel, of as many
        messages: the exporter is told first, and must not be taken for them.
        """
        places: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for receiver, integration in sorted(self._configured(receivers)):
            places[EXPORTER if receiver == EXPORTER else integration].append((receiver, integration))
        if not self._before.by_receiver and {EXPORTER, "webhook"} <= places.keys():
            places[f"webhook and {EXPORTER}"] = places.pop("webhook") + places.pop(EXPORTER)
        return [
            Channel(name, told[0][1], frozenset(receiver for receiver, _ in told), messages=len(told))
            for name, told in sorted(places.items())
        ]

    def outcome(self, channels: Sequence[Channel]) -> dict[str, Tally]:
        """What each channel has done since the alert was sent, by its name."""
        tallies = self._tallies()
        return {channel.name: tallies.since(self._before, channel) for channel in channels}

    def _alerts(self) -> list[dict[str, Any]]:
        query = urlencode({"filter": f'test_id="{self.test_id}"'})
        alerts: list[dict[str, Any]] = json.loads(self._ask(f"/api/v2/alerts?{query}"))
        return alerts

    def _configured(self, receivers: Sequence[str]) -> list[tuple[str, str]]:
        """Receiver and integration of each message that an alert to these receivers means."""
        original = json.loads(self._ask("/api/v2/status"))["config"]["original"]
        return [
            (receiver["name"], key.removesuffix("_configs"))
            for receiver in yaml.safe_load(original)["receivers"]
            if receiver["name"] in receivers
            for key, configs in receiver.items()
            if key.endswith("_configs")
            for _ in configs
        ]

    def _labels(self) -> dict[str, str]:
        spans = dict.fromkeys(("service", "provider", "model"), "all")
        test = {"alertname": ALERT, "severity": self.severity, "category": "reliability"}
        return {**test, **spans, **self.labels, "test_id": self.test_id}

    def _tallies(self) -> Tallies:
        return Tallies(self._ask("/metrics").decode())

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
    channels: Sequence[Channel],
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
