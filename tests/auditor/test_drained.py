"""From a real Alertmanager to the disk: every alert, whatever happens on the way."""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.alerts.notifications import CONFIG_DIR, render, write
from exporter.state_dir import STORE
from tests.auditor.conftest import STARTED, WEBHOOK, alert, body
from tests.servers import Alertmanager, Server, alertmanager_server, get_json, wait_until

MANY = 1000
StartExporter = Callable[[Mapping[str, str]], Server]


@pytest.fixture
def exporter(exporter_server: StartExporter) -> Server:
    return exporter_server({})


@contextmanager
def alertmanager_of(exporter: Server, tmp_path: Path) -> Iterator[Alertmanager]:
    """The shipped configuration, rendered for that exporter."""
    environ = {"EXAI_LISTEN": exporter.address, "EXAI_STATE_DIR": str(tmp_path / "state")}
    write(render(CONFIG_DIR, environ), tmp_path / "rendered")
    with alertmanager_server(tmp_path, tmp_path / "rendered/alertmanager.yml") as server:
        yield server


def alerts(ends: datetime, name: str = "Storm") -> list[dict[str, Any]]:
    """A thousand alerts of fifty names, twenty of each in a group."""
    return [
        {"labels": alert(f"{name}{number % 50}", service=f"s{number}")["labels"],
         "annotations": {"summary": f"{number}"}, "startsAt": STARTED.isoformat(), "endsAt": ends.isoformat()}
        for number in range(MANY)
    ]  # fmt: skip


def kept(tmp_path: Path) -> list[tuple[str, bool]]:
    """Title of each observation on the disk, and whether it lasts."""
    with sqlite3.connect(f"file:{tmp_path}/state/{STORE}?mode=ro", uri=True) as connection:
        return connection.execute("SELECT title, resolved_at IS NULL FROM observation").fetchall()


def exactly(lasting: bool) -> list[tuple[str, bool]]:
    return sorted((str(number), lasting) for number in range(MANY))


def test_a_thousand_alerts_at_once_are_a_thousand_observations_and_end_as_many(
    exporter: Server, tmp_path: Path
) -> None:
    with alertmanager_of(exporter, tmp_path) as alertmanager:
        alertmanager.post(*alerts(datetime.now(UTC) + timedelta(hours=1)))
        wait_until(lambda: len(kept(tmp_path)) >= MANY, 60, "all are kept")
        assert sorted(kept(tmp_path)) == exactly(lasting=True)
        alertmanager.post(*alerts(datetime.now(UTC)))
        wait_until(lambda: not any(lasts for _, lasts in kept(tmp_path)), 90, "all are over")
        assert sorted(kept(tmp_path)) == exactly(lasting=False)
    document = get_json(f"{exporter.url}/alerts/history?limit=1")
    assert (document["count"], document["total"]) == (1, MANY)


def test_alerts_that_come_while_the_exporter_is_killed_are_kept_once(exporter: Server, tmp_path: Path) -> None:
    with alertmanager_of(exporter, tmp_path) as alertmanager:
        alertmanager.post(*alerts(datetime.now(UTC) + timedelta(hours=1)))
        wait_until(lambda: kept(tmp_path), 60, "the first are kept")
        exporter.kill()
        before = len(kept(tmp_path))
        exporter.start()
        wait_until(lambda: len(kept(tmp_path)) >= MANY, 90, "all are kept")
    assert sorted(kept(tmp_path)) == exactly(lasting=True)
    assert 0 < before <= MANY
    document = get_json(f"{exporter.url}/alerts/active?limit=1")
    assert document["total"] == MANY


def test_what_was_answered_survives_a_kill_that_follows_at_once(exporter: Server, tmp_path: Path) -> None:
    for number in range(5):
        sent = json.dumps(body(alert(annotations={"summary": str(number)}, service=f"s{number}"))).encode()
        request = urllib.request.Request(exporter.url + WEBHOOK, sent, {"Content-Type": "application/json"})  # noqa: S310
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
        exporter.kill()
        assert sorted(kept(tmp_path)) == [(str(n), True) for n in range(number + 1)]
        exporter.start()
    assert get_json(f"{exporter.url}/auditor/observations")["total"] == 5


def test_the_watchdog_is_no_observation_and_all_else_is(exporter: Server, tmp_path: Path) -> None:
    with alertmanager_of(exporter, tmp_path) as alertmanager:
        names = ("Watchdog", "Critical", "Warning", "Info")
        alertmanager.post(*({"labels": alert(name, severity=name.lower())["labels"]} for name in names))
        wait_until(lambda: len(kept(tmp_path)) >= 3, 60, "three are kept")
    assert {title for title, _ in kept(tmp_path)} == {"Critical", "Warning", "Info"}
