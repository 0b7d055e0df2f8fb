"""In a mute time people are told of what is critical alone; the exporter keeps the rest."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from exporter.alerts.notifications import CONFIG_DIR, render, write
from tests.alerts.conftest import fired
from tests.servers import alertmanager_server, wait_until
from tests.sinks import HttpSink, http_sink

ALWAYS = "mute_times: [{name: always, when: [{times: [{start_time: '00:00', end_time: '24:00'}]}]}]"
TEAM = "teams: [{name: models, match: {provider: kimi}, tell: {SLACK_CHANNEL: '#models'}}]"
NIGHTS = """
mute_times:
  - name: nights
    when: [{ times: [{ start_time: "22:00", end_time: "24:00" }], location: Europe/Berlin }]
    severities: [info]
"""


def rendered(home: Path, routing: str, slack: str, exporter: str = "http://127.0.0.1:9/") -> Path:
    (home / "routing.yml").write_text(routing)
    environ = {"SLACK_WEBHOOK_URL": slack, "EXAI_ALERTS_URL": exporter, "EXAI_ALERT_ROUTING": str(home / "routing.yml")}
    write(render(CONFIG_DIR, environ), home)
    return home / "alertmanager.yml"


def names(sink: HttpSink) -> set[str]:
    """The alerts that have come to the exporter."""
    return {alert["labels"]["alertname"] for body in sink.bodies for alert in body["alerts"]}


@pytest.mark.parametrize("provider", ["all", "kimi"], ids=["everybody", "a team"])
def test_what_is_critical_is_told_and_all_else_is_not(
    provider: str, tmp_path: Path, http_sink: HttpSink, started: datetime, http_sink_of_exporter: HttpSink
) -> None:
    config = rendered(tmp_path, f"{ALWAYS}\n{TEAM}", http_sink.url, http_sink_of_exporter.url)
    with alertmanager_server(tmp_path, config) as alertmanager:
        quiet = [fired(f"Exai{name}", started, severity=name, provider=provider) for name in ("warning", "info")]
        alertmanager.post(*quiet)
        wait_until(lambda: names(http_sink_of_exporter) == {"Exaiwarning", "Exaiinfo"}, what="the exporter is told")
        # Its group waits as long as theirs, and began later: were they told, they would be before it.
        alertmanager.post(fired("ExaiCritical", started, provider=provider))
        wait_until(lambda: http_sink.bodies, 60, "what is critical is told")
    told = json.dumps(http_sink.bodies, ensure_ascii=False)
    assert "Critical · ExaiCritical" in told
    assert "Exaiwarning" not in told
    assert "Exaiinfo" not in told


def test_only_the_named_severities_are_muted_and_critical_never(tmp_path: Path) -> None:
    config = yaml.safe_load(rendered(tmp_path, f"{NIGHTS}\n{TEAM}", "https://hooks.slack.example/x").read_text())
    assert config["time_intervals"] == [
        {"name": "nights", "time_intervals": [
            {"times": [{"start_time": "22:00", "end_time": "24:00"}], "location": "Europe/Berlin"},
        ]},
    ]  # fmt: skip
    of_all = config["route"]["routes"]
    of_team = next(route["routes"] for route in of_all if route["receiver"] == "models-warning")
    muted = {route["receiver"]: route.get("mute_time_intervals") for route in (*of_all, *of_team)}
    assert {receiver: times for receiver, times in muted.items() if times} == {
        "info": ["nights"],
        "models-info": ["nights"],
    }


@pytest.fixture
def http_sink_of_exporter():  # type: ignore[no-untyped-def]
    """What stands in the place of the exporter."""
    with http_sink() as sink:
        yield sink
