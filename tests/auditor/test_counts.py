"""How long it took until somebody acknowledged an alert and until it was over, and which alerts they were."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.auditor import counts
from tests.auditor.conftest import STARTED, Audited, alert
from tests.core.harness import running

LATER = STARTED + timedelta(minutes=5)
ENDED = "exai_alert_observations_ended_total"
ACKNOWLEDGE, RESOLVE = "exai_observation_acknowledge_seconds", "exai_observation_resolve_seconds"


@pytest.fixture
def soon(tmp_path: Path) -> Iterator[Audited]:
    """An exporter whose clock stands 100 seconds after the alerts' start."""
    with running(tmp_path, lambda: STARTED.timestamp() + 100, alertmanager_url="http://127.0.0.1:9") as exporter:
        yield Audited(exporter, tmp_path)


def acknowledge(audited: Audited, *names: str) -> None:
    """Says of each alert of these names that somebody has seen it."""
    for found in audited.found():
        if found["metric_name"] in names:
            assert audited.acknowledge(f"/auditor/acknowledge/{found['id']}", {"minutes": 0})[0] == 200


def took(audited: Audited, family: str, **labels: str) -> tuple[float, float]:
    """How many there were, and their seconds."""
    return audited.running.value(f"{family}_count", **labels), audited.running.value(f"{family}_sum", **labels)


def below(audited: Audited, family: str, bound: str) -> float:
    """How many critical ones took at most so long."""
    return audited.running.value(f"{family}_bucket", severity="critical", le=bound)


def test_the_time_until_an_alert_is_acknowledged_is_counted_once(soon: Audited) -> None:
    soon.send(alert())
    assert took(soon, ACKNOWLEDGE) == (0, 0)
    for _ in range(2):
        acknowledge(soon, "ExaiProviderDown")
    assert took(soon, ACKNOWLEDGE, severity="critical") == (1, 100)
    assert [below(soon, ACKNOWLEDGE, bound) for bound in ("60.0", "120.0", "+Inf")] == [0, 1, 1]
    assert took(soon, RESOLVE) == (0, 0)


def test_the_time_until_an_alert_is_over_is_counted_however_it_ends(audited: Audited) -> None:
    next_start = STARTED + timedelta(minutes=1)
    audited.send(alert("Told", over=LATER), alert("Followed"))
    audited.send(alert("Lasting", severity="warning"), alert("Followed", startsAt=next_start.isoformat()))
    assert took(audited, RESOLVE) == (2, 360)
    assert [below(audited, RESOLVE, bound) for bound in ("30.0", "60.0", "120.0", "300.0")] == [0, 1, 1, 2]
    audited.send(alert("Told", over=LATER))
    assert took(audited, RESOLVE) == (2, 360), "it ended but once"
    audited.send(alert("Lasting", severity="warning", over=LATER))
    assert took(audited, RESOLVE, severity="warning") == (1, 300)


def test_an_alert_that_fires_on_after_its_end_ends_again(audited: Audited) -> None:
    for over in (LATER, None, STARTED + timedelta(minutes=10)):
        audited.send(alert(over=over))
    assert took(audited, RESOLVE) == (2, 900)


def test_an_alert_that_begins_after_the_clock_says_so_took_no_time(soon: Audited) -> None:
    soon.send(alert(startsAt=LATER.isoformat()))
    acknowledge(soon, "ExaiProviderDown")
    assert took(soon, ACKNOWLEDGE) == (1, 0)


def test_acknowledgements_are_counted_by_alert_from_nothing_on(soon: Audited) -> None:
    soon.send(alert("Loud"), alert("Seen"), alert("Seen", service="glm"))
    acknowledge(soon, "Seen")
    counted = soon.running.samples()
    family = "exai_alert_acknowledgements_total"
    assert {dict(labels)["alertname"]: value for (name, labels), value in counted.items() if name == family} == {
        "Loud": 0, "Seen": 2,
    }  # fmt: skip


def test_each_end_is_counted_by_whether_somebody_had_acknowledged_it(soon: Audited) -> None:
    def ended() -> dict[tuple[str, str], float]:
        found = soon.running.samples().items()
        kept = ((dict(labels), value) for (name, labels), value in found if name == ENDED)
        return {(labels["alertname"], labels["acknowledged"]): value for labels, value in kept}

    soon.send(alert("Seen"), alert("Seen", service="glm"), alert("Loud"))
    assert ended() == {(name, seen): 0 for name in ("Seen", "Loud") for seen in ("true", "false")}
    acknowledge(soon, "Seen")
    acknowledge(soon, "Seen")
    soon.send(alert("Seen", over=LATER), alert("Loud", over=LATER), alert("Short", over=LATER))
    acknowledge(soon, "Loud")
    soon.send(alert("Seen", over=LATER))
    counted = {labels: value for labels, value in ended().items() if value}
    assert counted == {("Seen", "true"): 1, ("Loud", "false"): 1, ("Short", "false"): 1}


def test_alerts_of_an_older_store_have_both_counts_of_their_ends(tmp_path: Path) -> None:
    with running(tmp_path) as exporter:
        Audited(exporter, tmp_path).send(alert("Old"))
    with sqlite3.connect(tmp_path / "exporter.sqlite3") as older:
        older.execute("DROP TABLE ended_alert")
    with running(tmp_path) as exporter:
        found = exporter.samples().items()
        assert sorted(dict(labels)["acknowledged"] for (name, labels), _ in found if name == ENDED) == ["false", "true"]


def test_counts_outlive_a_restart_and_the_observations(tmp_path: Path) -> None:
    now = STARTED.timestamp()
    for _ in range(2):
        with running(tmp_path, lambda: now) as exporter:
            audited = Audited(exporter, tmp_path)
            audited.send(alert("Old", over=LATER))
            assert took(audited, RESOLVE) == (1, 300)
    now += 91 * 86_400
    with running(tmp_path, lambda: now) as exporter:
        audited = Audited(exporter, tmp_path)
        audited.send(alert("New"))
        assert [found["metric_name"] for found in audited.found()] == ["New"]
        assert took(audited, RESOLVE) == (1, 300)


def test_what_was_noted_under_bounds_of_an_older_version_stands_under_the_next_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older, running(tmp_path) as exporter:
        older.setattr(counts, "REACTION_BUCKETS", (310.0, 1000.0))
        Audited(exporter, tmp_path).send(alert(over=LATER))
    with running(tmp_path) as exporter:
        audited = Audited(exporter, tmp_path)
        assert [below(audited, RESOLVE, bound) for bound in ("300.0", "600.0", "+Inf")] == [0, 1, 1]
