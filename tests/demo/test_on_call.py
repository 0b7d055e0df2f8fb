"""Somebody on call acknowledges the demo's own alerts that fire for a minute, once, and never what only informs."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from exporter.alerts.notifications import CONFIG_DIR
from exporter.demo.on_call import WHO, OnCall
from tests import servers
from tests.auditor.conftest import alert, body


class Desk:
    """An exporter and its Alertmanager."""

    def __init__(self, exporter: servers.Server, alertmanager: servers.Alertmanager, state: Path) -> None:
        self.exporter, self.alertmanager, self.state = exporter, alertmanager, state

    def fires(self, name: str, ago_s: float, severity: str = "warning", **labels: str) -> None:
        """Alertmanager and the exporter hear of an alert that began so long ago."""
        started = datetime.now(UTC) - timedelta(seconds=ago_s)
        of_the_demo = {"environment": "demo", **labels}
        told = alert(name, severity=severity, startsAt=started.isoformat(), **of_the_demo)
        ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        self.alertmanager.post({each: told[each] for each in ("labels", "annotations", "startsAt")} | {"endsAt": ends})
        posted = json.dumps(body(told)).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.exporter.url}/api/v1/alerts", posted, headers)  # noqa: S310
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310

    def acknowledged(self) -> dict[str, Any]:
        """The observations that somebody has seen, by the names of their alerts."""
        found = servers.get_json(f"{self.exporter.url}/auditor/observations?acknowledged=true")["observations"]
        return {each["metric_name"]: each for each in found}

    def on_call(self) -> OnCall:
        """Who is called."""
        return OnCall(self.exporter.url, self.state / "admin-token")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with servers.alertmanager_server(tmp_path, CONFIG_DIR / "alertmanager.yml") as alertmanager:
        env = {"EXAI_ALERTMANAGER_URL": alertmanager.url}
        with servers.exporter_server(tmp_path, env) as exporter:
            yield Desk(exporter, alertmanager, tmp_path / "state")


def test_what_has_fired_for_longest_is_seen_first_and_is_silent_for_a_minute(desk: Desk) -> None:
    desk.fires("Younger", ago_s=90)
    desk.fires("Older", ago_s=120)
    desk.on_call().look()
    (seen,) = desk.acknowledged().values()
    assert (seen["metric_name"], seen["acknowledged_by"]) == ("Older", WHO)
    assert seen["acknowledged_note"]
    lasts = datetime.fromisoformat(seen["silence"]["until"]) - datetime.fromisoformat(seen["acknowledged_at"])
    assert abs(lasts - timedelta(minutes=1)) < timedelta(seconds=1)
    desk.on_call().look()
    assert desk.acknowledged().keys() == {"Older", "Younger"}


def test_nobody_gets_up_for_what_has_just_begun_or_only_informs(desk: Desk) -> None:
    desk.fires("JustNow", ago_s=10)
    desk.fires("News", ago_s=300, severity="info")
    desk.on_call().look()
    assert desk.acknowledged() == {}


@pytest.mark.parametrize("labels", [{"environment": ""}, {"environment": "staging"}, {"service": "host"}])
def test_a_real_alert_is_left_to_real_people(desk: Desk, labels: dict[str, str]) -> None:
    desk.fires("Real", ago_s=300, **labels)
    desk.on_call().look()
    assert desk.acknowledged() == {}


def test_it_goes_on_by_itself_and_waits_for_an_exporter_that_is_away(desk: Desk) -> None:
    desk.fires("Waiting", ago_s=90)
    desk.exporter.kill()
    with desk.on_call():
        desk.exporter.start()
        servers.wait_until(desk.acknowledged, what="the alert to be seen")


def test_without_the_right_token_nothing_is_seen(desk: Desk, tmp_path: Path) -> None:
    desk.fires("Waiting", ago_s=90)
    (tmp_path / "token").write_text("wrong\n")
    with pytest.raises(HTTPError, match="401"):
        OnCall(desk.exporter.url, tmp_path / "token").look()
    with pytest.raises(FileNotFoundError):
        OnCall(desk.exporter.url, tmp_path / "none").look()
    assert desk.acknowledged() == {}
