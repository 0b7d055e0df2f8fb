"""`make demo` in containers: boards get their past, an incident its alert, and the alert reaches people on the host."""

from __future__ import annotations

import pytest

from tests.docker import observing
from tests.docker.project import Project
from tests.servers import wait_until
from tests.sinks import HttpSink, SmtpSink


@pytest.mark.parametrize("flavour", ["compose-5"], indirect=True)
def test_an_incident_of_the_demo_reaches_slack_and_mail_on_the_host(
    bundle: Project, http_sink: HttpSink, smtp_sink: SmtpSink
) -> None:
    channels = {
        "SLACK_WEBHOOK_URL": http_sink.url, "SMTP_HOST": "host.docker.internal", "SMTP_PORT": str(smtp_sink.port),
        "SMTP_TLS": "false", "SMTP_FROM": "exai@example.org", "SMTP_TO": "oncall@example.org",
    }  # fmt: skip
    bundle.make("demo", "INCIDENT=error-burst", **channels)
    observing.wait_until_healthy(bundle, {*observing.STAYING, "demo"})
    rate = "sum(rate(exai_connection_events_total[30s])) > 0"
    wait_until(lambda: observing.series(rate), 60, "the demo's events in Prometheus")
    past = "count_over_time(connection_type:exai_connection_events:rate5m[15d] offset 1d)"
    wait_until(lambda: observing.series(past), 120, "the demo's past in Prometheus")

    wait_until(lambda: attachments(http_sink, "kimi"), 240, "an alert about kimi in Slack")
    for attachment in attachments(http_sink, "kimi"):
        buttons = {button["text"]: button["url"] for button in attachment["actions"]}
        assert buttons["Dashboard"].startswith(f"{observing.GRAFANA}/d/exai-")
        assert buttons["Runbook"].startswith(f"{observing.EXPORTER}/runbooks/Exai")
    wait_until(lambda: smtp_sink.messages, 60, "a mail")
    assert smtp_sink.messages[0]["To"] == "oncall@example.org"

    before = observing.identities(bundle, ["demo"])
    bundle.make("up", **channels)
    assert observing.identities(bundle, ["demo"]) == before, "a second `make up` leaves the demo alone"


def attachments(sink: HttpSink, service: str) -> list[dict[str, object]]:
    """The messages in Slack about a service."""
    found = [attachment for body in sink.bodies for attachment in body["attachments"]]
    return [each for each in found if any(field["value"] == service for field in each["fields"])]
