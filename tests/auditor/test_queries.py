"""Which observations a query finds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.auditor.conftest import STARTED, Audited, alert

LATER = STARTED + timedelta(minutes=1)


@pytest.fixture
def three(audited: Audited) -> Audited:
    """One that was acknowledged, one that is over, and the newest."""
    audited.send(alert("First"))
    audited.acknowledge("/auditor/acknowledge", {"id": audited.found()[0]["id"], "minutes": 0})
    audited.send(
        alert("Second", startsAt=LATER.isoformat(), severity="warning", category="capacity", over=LATER),
        alert("Third", startsAt=(LATER + timedelta(minutes=1)).isoformat(), severity="info", model="k2"),
    )
    return audited


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Third", "Second", "First"]),
        ("limit=2", ["Third", "Second"]),
        ("severity=warning", ["Second"]),
        ("category=reliability", ["Third", "First"]),
        ("acknowledged=true", ["First"]),
        ("acknowledged=false", ["Third", "Second"]),
        ("acknowledged=0&category=reliability", ["Third"]),
        ("open=true", ["Third", "First"]),
        ("open=false", ["Second"]),
        ("metric_name=Third", ["Third"]),
        ("metric_name=third' OR 1=1 --", []),
    ],
)
def test_a_query_finds_the_newest_of_what_it_asks_for(three: Audited, query: str, names: list[str]) -> None:
    assert [found["metric_name"] for found in three.found(query)] == names
    assert [found["metric_name"] for found in three.found(query, "/alerts/history")] == names


def test_how_many_there_are_is_told_beside_what_the_limit_lets_through(three: Audited) -> None:
    document = three.running.client.get("/auditor/observations?limit=1").get_json()
    assert (document["count"], document["total"]) == (1, 3)


def test_the_active_alerts_are_those_that_last(three: Audited) -> None:
    assert [found["metric_name"] for found in three.found(path="/alerts/active")] == ["Third", "First"]
    assert [found["metric_name"] for found in three.found("severity=info", "/alerts/active")] == ["Third"]


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=1001", "limit"), ("limit=many", "limit"), ("severity=page", "severity"),
     ("category=x", "category"), ("acknowledged=perhaps", "acknowledged"), ("colour=red", "colour")],
)  # fmt: skip
def test_a_bad_query_is_told_its_parameter(audited: Audited, query: str, field: str) -> None:
    for path in ("/auditor/observations", "/alerts/active", "/alerts/history"):
        reply = audited.running.client.get(f"{path}?{query}")
        assert (reply.status_code, reply.get_json()["field"]) == (400, field)
