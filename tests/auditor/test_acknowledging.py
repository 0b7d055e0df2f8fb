"""Who has seen an observation, and the silence that follows, in a real Alertmanager."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.alerts.notifications import CONFIG_DIR
from exporter.auditor.alertmanager import Alertmanager, AlertmanagerAway
from tests import servers, sinks
from tests.auditor.conftest import STARTED, Audited, alert
from tests.core.harness import running
from tests.servers import alertmanager_server, get_json

NASTY = 'a "b" \\ c\nd.*'


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Alertmanager]:
    with alertmanager_server(tmp_path_factory.mktemp("alertmanager"), CONFIG_DIR / "alertmanager.yml") as server:
        yield server


@pytest.fixture
def served(alertmanager: servers.Alertmanager, tmp_path: Path) -> Iterator[Audited]:
    with running(tmp_path, alertmanager_url=alertmanager.url) as exporter:
        yield Audited(exporter, tmp_path)


def fire(alertmanager: servers.Alertmanager, served: Audited, **fields: Any) -> str:
    """An alert that both know; returns the observation's id."""
    sent = alert(startsAt=datetime.now(UTC).isoformat(), **fields)
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    alertmanager.post({name: sent[name] for name in ("labels", "annotations", "startsAt")} | {"endsAt": ends})
    served.send(sent)
    return str(served.found()[0]["id"])


def state(alertmanager: servers.Alertmanager, name: str) -> str:
    (found,) = get_json(f'{alertmanager.url}/api/v2/alerts?filter=alertname%3D"{name}"')
    return str(found["status"]["state"])


@pytest.mark.parametrize("form", ["/auditor/observations/{}/acknowledge", "/auditor/acknowledge/{}"])
def test_acknowledging_silences_the_alert_for_the_chosen_time(
    alertmanager: servers.Alertmanager, served: Audited, form: str, request: pytest.FixtureRequest
) -> None:
    name = f"Seen{abs(hash(request.node.name))}"
    id_ = fire(alertmanager, served, name=name, service=NASTY)
    before = datetime.now(UTC)
    status, document = served.acknowledge(form.format(id_), {"who": "ada", "note": "on it", "minutes": 30})
    assert status == 200
    assert (document["acknowledged"], document["acknowledged_by"]) == (True, "ada")
    assert document["acknowledged_note"] == "on it"
    assert before <= datetime.fromisoformat(document["acknowledged_at"]) <= datetime.now(UTC)
    silence = get_json(f"{alertmanager.url}/api/v2/silence/{document['silence']['id']}")
    assert (silence["createdBy"], silence["comment"]) == ("ada", "on it")
    lasts = datetime.fromisoformat(silence["endsAt"]) - datetime.fromisoformat(silence["startsAt"])
    assert abs(lasts - timedelta(minutes=30)) < timedelta(seconds=5)
    assert state(alertmanager, name) == "suppressed"


def test_only_that_alert_is_silenced(alertmanager: servers.Alertmanager, served: Audited) -> None:
    fire(alertmanager, served, name="Neighbour")
    served.acknowledge("/auditor/acknowledge", {"id": fire(alertmanager, served, name="Loud")})
    assert state(alertmanager, "Loud") == "suppressed"
    assert state(alertmanager, "Neighbour") != "suppressed"


def test_an_acknowledgement_counts_once(alertmanager: servers.Alertmanager, served: Audited) -> None:
    id_ = fire(alertmanager, served, name="Counted")
    assert served.running.value("exai_observations_unacknowledged", severity="critical") == 1
    for _ in range(2):
        served.acknowledge(f"/auditor/acknowledge/{id_}", {"minutes": 0})
    assert served.running.value("exai_observations_unacknowledged") == 0
    assert served.running.value("exai_observations_acknowledged_total", severity="critical") == 1
    assert [found["id"] for found in served.found("acknowledged=true")] == [id_]
    assert served.found("acknowledged=false") == []


def test_no_silence_is_made_for_no_time_nor_for_what_is_over(audited: Audited) -> None:
    audited.send(alert(), alert("Over", over=STARTED))
    by_name = {found["metric_name"]: found["id"] for found in audited.found()}
    for id_, minutes in ((by_name["ExaiProviderDown"], 0), (by_name["Over"], 30)):
        status, document = audited.acknowledge(f"/auditor/acknowledge/{id_}", {"minutes": minutes})
        assert (status, document["silence"], document["acknowledged"]) == (200, None, True)


def test_without_its_silence_nothing_is_acknowledged(audited: Audited) -> None:
    audited.send(alert())
    status, document = audited.acknowledge(f"/auditor/acknowledge/{audited.found()[0]['id']}", {})
    assert status == 502
    assert "Alertmanager cannot be asked" in document["error"]
    assert not audited.found()[0]["acknowledged"]


def test_acknowledging_needs_the_admin_token_always(audited: Audited) -> None:
    audited.send(alert())
    path = f"/auditor/acknowledge/{audited.found()[0]['id']}"
    push = (audited.state / "push-token").read_text().strip()
    for headers in ({}, {"Authorization": f"Bearer {push}"}):
        reply = audited.running.client.post(path, json={"minutes": 0}, headers=headers)
        assert reply.status_code == 401
        assert "admin token" in reply.get_json()["error"]
    assert not audited.found()[0]["acknowledged"]


@pytest.mark.parametrize(
    ("said", "field"),
    [({"minutes": -1}, "minutes"), ({"minutes": 10_081}, "minutes"), ({"who": ""}, "who"), ({"who": "a\nb"}, "who"),
     ({"note": "x" * 1001}, "note"), ({"until": 1}, "until")],
)  # fmt: skip
def test_a_bad_acknowledgement_is_told_its_field(audited: Audited, said: dict[str, Any], field: str) -> None:
    status, document = audited.acknowledge("/auditor/acknowledge/x", said)
    assert (status, document["field"]) == (400, field)


def test_an_unknown_observation_is_not_found(audited: Audited) -> None:
    assert audited.acknowledge("/auditor/acknowledge/x", {})[0] == 404
    assert audited.acknowledge("/auditor/acknowledge", {"id": "x"})[0] == 404


def test_the_end_of_a_silenced_alert_which_the_webhook_never_hears_of_is_seen(
    alertmanager: servers.Alertmanager, served: Audited
) -> None:
    lasting, over = fire(alertmanager, served, name="Lasting"), fire(alertmanager, served, name="Ended")
    served.acknowledge(f"/auditor/acknowledge/{over}", {})
    auditor = served.running.app.auditor
    settled = replace(auditor, settled_s=0)
    assert settled.look() == 0, "both fire"
    alertmanager.post({"labels": alert("Ended")["labels"], "endsAt": datetime.now(UTC).isoformat()})
    assert auditor.look() == 0, "an Alertmanager that has just started may not know all alerts yet"
    assert settled.look() == 1
    assert [found["id"] for found in served.found("open=false")] == [over]
    assert [found["id"] for found in served.found(path="/alerts/active")] == [lasting]


def test_an_alertmanager_that_is_away_ends_nothing(audited: Audited) -> None:
    audited.send(alert())
    with pytest.raises(AlertmanagerAway):
        audited.running.app.auditor.look()
    assert len(audited.found("open=true")) == 1


def test_an_answer_that_makes_no_sense_is_as_none(audited: Audited, http_sink: sinks.HttpSink) -> None:
    audited.send(alert())
    (lasting,) = audited.running.app.auditor.store.open()
    with pytest.raises(AlertmanagerAway, match="makes no sense"):
        Alertmanager(http_sink.url).silence(lasting, "ada", "", 0, 60)
    with pytest.raises(AlertmanagerAway, match="answers 501"):
        Alertmanager(http_sink.url).firing()
