"""`make demo` in containers: a project of its own with a past, whose alerts reach people on the host if it may."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.docker import observing
from tests.docker.project import Project
from tests.servers import get_json, wait_until
from tests.sinks import HttpSink, SmtpSink


@pytest.mark.parametrize("flavour", ["compose-5"], indirect=True)
def test_an_incident_of_the_demo_reaches_slack_and_mail_on_the_host(
    bundle: Project, http_sink: HttpSink, smtp_sink: SmtpSink
) -> None:
    channels = {
        "SLACK_WEBHOOK_URL": http_sink.url, "SMTP_HOST": "host.docker.internal", "SMTP_PORT": str(smtp_sink.port),
        "SMTP_TLS": "false", "SMTP_FROM": "exai@example.org", "SMTP_TO": "oncall@example.org",
    }  # fmt: skip
    bundle.make("demo", "INCIDENT=error-burst", "ARGS=--notify", **channels)
    assert bundle.containers() == {}
    observing.wait_until_healthy(bundle.demo, {*observing.STAYING, "demo"})
    rate = "sum(rate(exai_connection_events_total[30s])) > 0"
    wait_until(lambda: observing.series(rate), 60, "the demo's events in Prometheus")
    past = "count_over_time(connection_type:exai_connection_events:rate5m[15d] offset 1d)"
    wait_until(lambda: observing.series(past), 120, "the demo's past in Prometheus")

    wait_until(lambda: attachments(http_sink, "kimi"), 240, "an alert about kimi in Slack")
    for attachment in attachments(http_sink, "kimi"):
        assert str(attachment["title"]).startswith("[demo] ")
        buttons = {button["text"]: button["url"] for button in attachment["actions"]}
        assert buttons["Dashboard"].startswith(f"{observing.GRAFANA}/d/exai-")
        assert buttons["Runbook"].startswith(f"{observing.EXPORTER}/runbooks/Exai")
    wait_until(lambda: smtp_sink.messages, 60, "a mail")
    assert smtp_sink.messages[0]["To"] == "oncall@example.org"
    assert smtp_sink.messages[0]["Subject"].startswith("[demo] ")

    before = observing.identities(bundle.demo, ["demo"])
    refused = bundle.run("make", "up", **channels)
    assert "end it with `make down`, then run `make up` again" in refused.stderr
    assert observing.identities(bundle.demo, ["demo"]) == before
    assert "the demo: its gateway is simulated" in bundle.make("status")
    assert "The demo is down" in bundle.make("down")
    assert bundle.demo.containers() == {}

    started = time.time()
    bundle.make("up")
    wait_until(lambda: observing.series("up"), 60, "the real Prometheus")
    assert not observing.series('last_over_time({environment!=""}[20d])')
    assert not observing.series('last_over_time({__name__!=""}[20d])', at=started)
    for path in ("/auditor/observations", "/api/v1/timeout/models"):
        assert not any(get_json(f"{observing.EXPORTER}{path}").values())
    by_hand = bundle.run(*bundle.flavour.command, "--profile", "demo", "up", "--detach")
    assert by_hand.returncode != 0
    assert "no past is simulated in a real bundle" in bundle.logs("demo-past")
    assert bundle.state("demo") == "created"

    refused = bundle.run("make", "reset", "ARGS=--yes")
    assert "end it with `make down`, then run `make reset` again" in refused.stderr
    bundle.make("down")
    printed = bundle.make("reset", "ARGS=--yes")
    assert "Docker volume exai-demo_prometheus-data" in printed
    assert "Docker volume exai_exporter-state" in printed
    assert bundle.volumes() == bundle.demo.volumes() == []


def attachments(sink: HttpSink, service: str) -> list[dict[str, Any]]:
    """The messages in Slack about a service."""
    found = [attachment for body in sink.bodies for attachment in body["attachments"]]
    return [each for each in found if any(field["value"] == service for field in each["fields"])]
