"""A real Alertmanager that runs the rendered configuration, with sinks in the place of its channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from exporter.alerts.notifications import CONFIG_DIR, render, write
from tests import servers, sinks

GRAFANA, ALERTMANAGER, EXPORTER = "https://grafana.example", "https://alerts.example", "https://exai.example"
LINKS = {"GRAFANA_URL": GRAFANA, "ALERTMANAGER_URL": ALERTMANAGER, "EXAI_EXTERNAL_URL": EXPORTER}


@dataclass
class Messenger:
    """The Alertmanager, and what has come out of it."""

    alertmanager: servers.Alertmanager
    slack: sinks.HttpSink
    smtp: sinks.SmtpSink

    def attachment(self, title: str) -> dict[str, Any]:
        """The Slack attachment with a title, waited for as long as a group may take."""
        attachment: dict[str, Any] = self._first(
            lambda: (a for body in self.slack.bodies for a in body["attachments"] if a["title"] == title)
        )
        return attachment

    def mail(self, subject: str) -> EmailMessage:
        """The mail with a subject, waited for as long as a group may take."""
        message: EmailMessage = self._first(lambda: (m for m in self.smtp.messages if m["Subject"] == subject))
        return message

    def _first(self, found: Callable[[], Iterator[Any]]) -> Any:
        servers.wait_until(lambda: next(found(), None) is not None, 90, self._arrived())
        return next(found())

    def _arrived(self) -> str:
        titles = [attachment["title"] for body in self.slack.bodies for attachment in body["attachments"]]
        return f"the message; at first there were {titles} and {[m['Subject'] for m in self.smtp.messages]}"


@contextmanager
def messenger(tmp_path: Path) -> Iterator[Messenger]:
    """An Alertmanager with both channels."""
    with sinks.http_sink() as slack, sinks.smtp_sink() as smtp, sinks.http_sink() as exporter:
        email = {"SMTP_HOST": servers.LOOPBACK, "SMTP_PORT": str(smtp.port), "SMTP_TLS": "false"}
        people = {"SMTP_FROM": "EXAI <exai@example.org>", "SMTP_TO": "ops@example.org"}
        hooks = {"SLACK_WEBHOOK_URL": slack.url, "EXAI_ALERTS_URL": exporter.url}
        write(render(CONFIG_DIR, {**LINKS, **hooks, **email, **people}), tmp_path)
        with servers.alertmanager_server(tmp_path, tmp_path / "alertmanager.yml") as alertmanager:
            yield Messenger(alertmanager, slack, smtp)


def fired(name: str, started: datetime, **values: str) -> dict[str, Any]:
    """An alert as Prometheus sends it: annotations by their names, all else labels."""
    annotations = {"summary": "s", "description": "d", "recommendation": "Do r.", "dashboard": "/d/x"}
    annotations |= {"runbook": f"/runbooks/{name}"}
    labels = {"alertname": name, "severity": "critical", "category": "reliability"}
    labels |= dict.fromkeys(("service", "provider", "model"), "all")
    annotations |= {key: value for key, value in values.items() if key in annotations}
    labels |= {key: value for key, value in values.items() if key not in annotations}
    return {"labels": labels, "annotations": annotations, "startsAt": started.isoformat()}


@pytest.fixture(scope="module")
def started() -> datetime:
    """When the alerts of a module began: now, for Alertmanager lets older ones skip the wait for their group."""
    return datetime.now(UTC).replace(microsecond=0)
