"""The pages for people and probes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.harness import Running, running
from tests.servers import free_port, wait_until


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as found:
        yield found


def test_health_says_that_the_process_lives(exporter: Running) -> None:
    assert exporter.client.get("/healthz").get_json()["status"] == "ok"


def test_health_names_the_environment(exporter: Running, tmp_path: Path) -> None:
    assert exporter.client.get("/healthz").get_json()["environment"] == ""
    with running(tmp_path / "other", environment="staging") as other:
        assert other.client.get("/healthz").get_json()["environment"] == "staging"


def test_it_is_ready_once_every_source_was_tried(exporter: Running) -> None:
    wait_until(lambda: exporter.client.get("/readyz").status_code == 200, what="ready")
    assert exporter.client.get("/readyz").get_json() == {
        "ready": True,
        "waiting_for": [],
        "sources": [{"name": "http", "state": "up", "detail": ""}],
    }


def test_a_redis_that_is_away_silences_nobody_else(tmp_path: Path) -> None:
    with running(tmp_path, redis_url=f"redis://127.0.0.1:{free_port()}/0") as exporter:
        wait_until(lambda: exporter.client.get("/readyz").status_code == 200, what="ready")
        assert exporter.push([{"connection_type": "a", "direction": "send", "timestamp": 1.7e9}]).status_code == 202
        assert exporter.value("exai_connection_events_total") == 1
        assert exporter.value("exai_exporter_source_up", source="redis_zset") == 0
        assert exporter.value("exai_exporter_source_up", source="http") == 1


def test_the_landing_page_links_what_there_is(exporter: Running) -> None:
    page = exporter.client.get("/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    for path in ("/metrics", "/healthz", "/readyz"):
        assert f"href='{path}'" in page.text
        assert exporter.client.get(path).status_code in (200, 503)


@pytest.mark.parametrize("name", ["..%2Fsettings", "../../pyproject.toml", "ExaiNoSuchAlert", "%00", "."])
def test_a_runbook_is_looked_up_and_never_a_path(exporter: Running, name: str) -> None:
    assert exporter.client.get(f"/runbooks/{name}").status_code == 404


def test_a_runbook_that_there_is_is_served(exporter: Running) -> None:
    assert exporter.client.get("/runbooks/ExaiExporterDown").status_code == 200


def test_the_page_that_boards_link_is_served(exporter: Running) -> None:
    assert exporter.client.get("/docs/boards").text.startswith("# What fills which board")
    assert exporter.client.get("/docs/..%2Frunbooks%2FExaiExporterDown").status_code == 404


def test_the_budget_of_a_family_stands_beside_its_series(exporter: Running) -> None:
    exporter.push([{"connection_type": "a", "direction": "send", "timestamp": 1.7e9}])
    found = exporter.samples()
    spent = {labels for name, labels in found if name == "exai_exporter_series"}
    assert spent == {labels for name, labels in found if name == "exai_exporter_series_budget"}
    assert exporter.value("exai_exporter_series", family="exai_connection_events_total") == 1
    assert exporter.value("exai_exporter_series_budget", family="exai_connection_events_total") == 5000
