"""Alerts as Alertmanager's webhook posts them, and exporters that take them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.core.harness import Running, running

WEBHOOK = "/api/v1/alerts"
STARTED = datetime(2026, 5, 1, 10, tzinfo=UTC)
NEVER = "0001-01-01T00:00:00Z"


def alert(name: str = "ExaiProviderDown", *, over: datetime | None = None, **fields: Any) -> dict[str, Any]:
    """One alert of a webhook's body; what is no field of it is a label."""
    of_alert = ("startsAt", "endsAt", "annotations", "status")
    labels = {key: value for key, value in fields.items() if key not in of_alert}
    return {
        "status": "resolved" if over else "firing",
        "labels": {
            "alertname": name, "severity": "critical", "category": "reliability", "service": "kimi",
            "provider": "kimi", "model": "all", **labels,
        },
        "annotations": {"summary": "kimi is down", "description": "Nothing answers.", "dashboard": "/d/x"},
        "startsAt": STARTED.isoformat(),
        "endsAt": over.isoformat() if over else NEVER,
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "0123456789abcdef",
        **{key: value for key, value in fields.items() if key in of_alert},
    }  # fmt: skip


def body(*alerts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What the webhook posts, with all the fields that Alertmanager sends."""
    return {
        "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": "firing", "receiver": "exporter",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://alertmanager",
        "alerts": alerts, **fields,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Audited:
    """An exporter, as those see it who send alerts and who look after them."""

    running: Running
    state: Path

    def send(self, *alerts: dict[str, Any]) -> None:
        """Alerts that are taken."""
        reply = self.running.client.post(WEBHOOK, json=body(*alerts))
        assert (reply.status_code, reply.get_json()) == (200, {"accepted": len(alerts)})

    def refusal(self, document: Any) -> str:
        """The field that the answer to a body names."""
        reply = self.running.client.post(WEBHOOK, json=document)
        assert reply.status_code == 400
        field = str(reply.get_json()["field"])
        assert reply.get_json()["error"].startswith(field)
        return field

    def found(self, query: str = "", path: str = "/auditor/observations") -> list[dict[str, Any]]:
        """The observations that a query finds, newest first."""
        document = self.running.client.get(f"{path}?{query}").get_json()
        return list(document.get("observations", document.get("alerts")))

    def acknowledge(self, path: str, said: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and document."""
        bearer = {"Authorization": f"Bearer {(self.state / 'admin-token').read_text().strip()}"}
        reply = self.running.client.post(path, json=said, headers=bearer)
        return reply.status_code, reply.get_json()


@pytest.fixture
def audited(tmp_path: Path) -> Iterator[Audited]:
    """An exporter with neither Alertmanager nor PostgreSQL."""
    with running(tmp_path / "state", alertmanager_url="http://127.0.0.1:9") as exporter:
        yield Audited(exporter, tmp_path / "state")
