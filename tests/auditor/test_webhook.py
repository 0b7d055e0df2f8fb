"""What Alertmanager posts becomes one observation for each subject, name and start."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.state_dir import STORE
from tests.auditor.conftest import STARTED, WEBHOOK, Audited, alert, body
from tests.core.harness import running
from tests.core.test_full_disk import full

LATER, MUCH_LATER = STARTED + timedelta(minutes=5), STARTED + timedelta(hours=1)


def test_an_alert_becomes_an_observation_that_says_what_its_rule_says(audited: Audited) -> None:
    told = {"summary": "kimi is down", "description": "Nothing answers.", "recommendation": "Switch to glm.",
            "dashboard": "/d/x", "runbook": "/runbooks/ExaiProviderDown"}  # fmt: skip
    audited.send(alert(annotations=told))
    (found,) = audited.found()
    assert found["title"] == told["summary"]
    assert [found[name] for name in ("description", "recommendation", "dashboard", "runbook")] == [
        told[name] for name in ("description", "recommendation", "dashboard", "runbook")
    ]
    assert (found["severity"], found["category"]) == ("critical", "reliability")
    assert found["subject"] == 'category="reliability", provider="kimi", service="kimi", severity="critical"'
    assert found["metric_name"] == "ExaiProviderDown"
    assert found["started_at"] == STARTED.isoformat()
    assert found["resolved_at"] is None
    assert not found["acknowledged"]


def test_without_an_annotation_for_it_the_description_is_the_recommendation(audited: Audited) -> None:
    audited.send(alert())
    assert audited.found()[0]["recommendation"] == "Nothing answers."


def test_an_alert_that_is_sent_again_stays_one_observation_and_is_not_written_again(audited: Audited) -> None:
    audited.send(alert())
    first = audited.found()
    audited.send(alert())
    assert audited.found() == first
    assert audited.running.value("exai_observations_total", severity="critical", category="reliability") == 1


def test_its_end_updates_it_and_its_next_start_is_another(audited: Audited) -> None:
    audited.send(alert())
    audited.send(alert(over=LATER))
    assert [found["resolved_at"] for found in audited.found()] == [LATER.isoformat()]
    audited.send(alert(startsAt=MUCH_LATER.isoformat()))
    assert [found["resolved_at"] for found in audited.found()] == [None, LATER.isoformat()]
    assert audited.running.value("exai_observations_total") == 2


def test_an_alert_that_fires_on_under_its_old_start_is_open_again(audited: Audited) -> None:
    audited.send(alert())
    audited.send(alert(over=LATER))
    audited.send(alert())
    assert [found["resolved_at"] for found in audited.found()] == [None]


@pytest.mark.parametrize("newer_first", [False, True])
def test_at_most_one_is_open_whatever_the_order(audited: Audited, newer_first: bool) -> None:
    both = [alert(), alert(startsAt=MUCH_LATER.isoformat())]
    for each in both[::-1] if newer_first else both:
        audited.send(each)
    assert [found["resolved_at"] for found in audited.found()] == [None, MUCH_LATER.isoformat()]


def test_alerts_of_one_name_are_told_apart_by_their_labels(audited: Audited) -> None:
    audited.send(alert(), alert(severity="warning"), alert(service="glm"), alert("Another"))
    assert len(audited.found("open=true")) == 4


def test_an_alert_of_somebody_elses_rules_is_kept_too(audited: Audited) -> None:
    bare = alert(annotations={})
    bare["labels"] = {"alertname": "Other", "severity": "page", "implementation": "legacy"}
    audited.send(bare)
    (found,) = audited.found()
    assert (found["severity"], found["category"], found["title"]) == ("warning", "reliability", "Other")
    assert found["implementation_type"] == "legacy"


def test_secrets_are_masked(audited: Audited) -> None:
    audited.send(alert(annotations={"summary": "s", "description": "refused: api_key=sk-abcdef0123456789"}))
    assert audited.found()[0]["description"] == "refused: api_key=***"


BAD: list[tuple[Any, str]] = [
    ({"version": "3", "alerts": []}, "version"),
    ({"version": "4"}, "alerts"),
    (body(alert(), alert(status="pending")), "alerts[1].status"),
    (body(alert(startsAt="yesterday")), "alerts[0].startsAt"),
    (body(alert(startsAt="2026-05-01T10:00:00")), "alerts[0].startsAt"),
    (body(alert(startsAt="2999-05-01T10:00:00Z")), "alerts[0].startsAt"),
    (body({**alert(), "labels": {"severity": "info"}}), "alerts[0].labels.alertname"),
    (body({**alert(), "labels": {"alertname": 1}}), "alerts[0].labels[...]"),
    ([], "body"),
]


@pytest.mark.parametrize(("document", "field"), BAD, ids=[field for _, field in BAD])
def test_a_body_that_cannot_be_used_is_told_its_field_and_nothing_of_it_is_kept(
    audited: Audited, document: Any, field: str
) -> None:
    assert audited.refusal(document) == field
    assert audited.found() == []


def test_a_wrong_token_is_refused_and_a_missing_one_where_others_can_reach_us(tmp_path: Path, audited: Audited) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    assert audited.running.client.post(WEBHOOK, json=body(alert()), headers=wrong).status_code == 401
    assert audited.found() == []
    with running(tmp_path / "network", listen="0.0.0.0:9464") as network:
        right = {"Authorization": f"Bearer {(tmp_path / 'network/push-token').read_text().strip()}"}
        assert network.client.post(WEBHOOK, json=body(alert())).status_code == 401
        assert network.client.post(WEBHOOK, json=body(alert()), headers=right).status_code == 200


def test_a_web_page_cannot_post_alerts(audited: Audited) -> None:
    reply = audited.running.client.post(WEBHOOK, data=b"{}", content_type="text/plain")
    assert reply.status_code == 415


def test_a_full_disk_asks_alertmanager_to_come_again(audited: Audited) -> None:
    connection: sqlite3.Connection = audited.running.app.auditor.store._connection
    many = [alert(service=f"s{number}") for number in range(1000)]
    with full(connection):
        reply = audited.running.client.post(WEBHOOK, json=body(*many))
        assert reply.status_code == 503
        assert int(reply.headers["Retry-After"]) > 0
        assert audited.found() == []
    audited.send(*many)
    assert audited.running.value("exai_observations_total") == 1000


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        with running(tmp_path) as exporter:
            Audited(exporter, tmp_path).send(alert())
            assert exporter.value("exai_observations_total") == 1
            assert exporter.value("exai_observations_unacknowledged", severity="critical") == 1
    assert (tmp_path / STORE).stat().st_mode & 0o777 == 0o600


def test_what_was_over_three_months_ago_is_forgotten_but_stays_counted(tmp_path: Path) -> None:
    now = STARTED.timestamp()
    with running(tmp_path, lambda: now) as exporter:
        audited = Audited(exporter, tmp_path)
        audited.send(alert("Old", over=LATER), alert("Lasting"))
        now += 91 * 86_400
        audited.send(alert("New"))
        assert {found["metric_name"] for found in audited.found()} == {"Lasting", "New"}
        assert exporter.value("exai_observations_total") == 3
