"""A client for what a test alert needs of Alertmanager's API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import yaml

from exporter.alerts.tallies import Tallies

_ANSWER_WITHIN_S = 10

Alert = dict[str, Any]
"""An alert as the API returns it."""


class AlertmanagerError(RuntimeError):
    """A request to Alertmanager has failed; the text says where and why."""


@dataclass(frozen=True, slots=True)
class AlertmanagerApi:
    """One Alertmanager, by its base URL.

    Every method raises AlertmanagerError if the request fails.
    """

    url: str

    def post(self, alert: Mapping[str, Any]) -> None:
        """Send an alert, or a newer version of one."""
        self._request("/api/v2/alerts", json.dumps([alert]).encode())

    def alerts(self, test_id: str) -> list[Alert]:
        """Return the active alerts of one test."""
        query = urlencode({"filter": f'test_id="{test_id}"'})
        alerts: list[Alert] = self._json(f"/api/v2/alerts?{query}")
        return alerts

    def groups(self) -> list[tuple[str, list[Alert]]]:
        """Return the receiver and the alerts of each group that has an active alert."""
        return [(group["receiver"]["name"], group["alerts"]) for group in self._json("/api/v2/alerts/groups")]

    def tallies(self) -> Tallies:
        """Return the counters of messages as they are now."""
        return Tallies(self._request("/metrics").decode())

    def integrations(self) -> dict[str, list[str]]:
        """Return the integrations of each receiver, such as slack, once for each message that an alert means."""
        config = yaml.safe_load(self._json("/api/v2/status")["config"]["original"])
        return {
            receiver["name"]: [
                key.removesuffix("_configs")
                for key, channels in receiver.items()
                if key.endswith("_configs")
                for _ in channels
            ]
            for receiver in config["receivers"]
        }

    def _json(self, path: str) -> Any:
        return json.loads(self._request(path))

    def _request(self, path: str, body: bytes | None = None) -> bytes:
        request = Request(f"{self.url.rstrip('/')}{path}", body, {"Content-Type": "application/json"})  # noqa: S310
        try:
            with urlopen(request, timeout=_ANSWER_WITHIN_S) as reply:  # noqa: S310
                return bytes(reply.read())
        except HTTPError as error:
            raise AlertmanagerError(f"{self.url} answers {error.code}: {error.read(300).decode()}") from None
        except (OSError, ValueError) as error:
            raise AlertmanagerError(f"{self.url} cannot be reached: {error}") from None
