"""Plain Compose on fresh volumes: everything comes up, as the right users, and a second `up` changes nothing."""

from __future__ import annotations

import base64
import json
import socket
import stat
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.docker import observing
from tests.docker.engine import Engine
from tests.docker.observing import STAYING, USERS
from tests.docker.project import FLAVOURS, Flavour, Project, project
from tests.servers import LOOPBACK, wait_until

GATEWAYS_OWN = (6379, 5432)
"""The ports of the stores that a gateway has on its host."""


@pytest.fixture(scope="module", params=FLAVOURS, ids=lambda flavour: flavour.name)
def started(request: pytest.FixtureRequest, engine: Engine, exporter_image: str) -> Iterator[Project]:
    """The bundle, brought up once by each Compose beside a gateway that has its own Redis and PostgreSQL."""
    flavour: Flavour = request.param
    with ExitStack() as stack:
        for port in GATEWAYS_OWN:
            stack.enter_context(socket.create_server((LOOPBACK, port)))
        bundle = stack.enter_context(project(engine, flavour))
        bundle.up()
        observing.wait_until_healthy(bundle)
        yield bundle


def test_every_service_runs_and_setup_has_ended(started: Project) -> None:
    states = {service: started.state(service) for service in started.containers()}
    assert states == {**dict.fromkeys(STAYING, "healthy"), "setup": "exited"}
    assert started.container("setup")["State"]["ExitCode"] == 0


def test_every_process_runs_as_its_user_without_capabilities(started: Project) -> None:
    found = {}
    for service in STAYING:
        status = observing.process_status(started, service)
        found[service] = (int(status["Uid"].split()[0]), int(status["Gid"].split()[0]))
        assert int(status["CapEff"], 16) == 0, service
        assert status["NoNewPrivs"] == "1", service
    assert found == USERS


def test_every_root_file_system_is_read_only(started: Project) -> None:
    for service in STAYING:
        options = {
            row[4]: row[5].split(",")
            for row in (line.split() for line in started.exec(service, "cat", "/proc/1/mountinfo").splitlines())
        }
        assert "ro" in options["/"], service


def test_every_file_that_setup_gave_is_its_readers_alone(started: Project) -> None:
    for service in ("alertmanager", "exporter", "grafana", "postgres", "postgres-exporter", "prometheus"):
        directory = started.volume(f"{service}-config")
        for path in (directory, *directory.rglob("*")):
            if not path.is_symlink():
                found = path.stat()
                assert (found.st_uid, found.st_gid) == USERS[service], path
                assert stat.S_IMODE(found.st_mode) & 0o077 == 0, path
    state = started.volume("exporter-state")
    assert state.stat().st_mode & 0o077 == 0
    for path in state.iterdir():
        assert path.stat().st_uid == USERS["exporter"][0], path


def test_nothing_but_the_four_parts_is_published(started: Project) -> None:
    published = {
        service: bindings
        for service, container in started.containers().items()
        if (bindings := [port for ports in container["HostConfig"]["PortBindings"].values() for port in ports])
    }
    assert {service: ports[0]["HostPort"] for service, ports in published.items()} == {
        "exporter": "9464", "prometheus": "9090", "alertmanager": "9093", "grafana": "3000",
    }  # fmt: skip
    assert {port["HostIp"] for ports in published.values() for port in ports} == {LOOPBACK}


def test_prometheus_scrapes_every_part_and_both_stores(started: Project) -> None:
    jobs = {"exai-exporter", "prometheus", "alertmanager", "redis", "postgres"}
    wait_until(lambda: observing.targets_up() == dict.fromkeys(jobs, 1.0), 60, "every target up")
    wait_until(lambda: observing.series("redis_up == 1") and observing.series("pg_up == 1"), 30, "both stores up")


def test_grafana_has_its_password_its_boards_and_the_readers_password(started: Project) -> None:
    password = started.exec("exporter", "cat", "/var/lib/exai/grafana-password").strip()
    boards = {board["uid"] for board in of_grafana("/api/search", password)}
    assert {"exai-gateway-overview", "exai-alert-history"} <= boards
    sources = {source["uid"]: source for source in of_grafana("/api/datasources", password)}
    assert {"prometheus", "alertmanager", "exai-postgres"} <= sources.keys()
    with pytest.raises(urllib.error.HTTPError):
        of_grafana("/api/search", "admin")


def test_the_database_has_its_schema_and_the_exporter_reads_it(started: Project) -> None:
    up = 'exai_exporter_source_up{source="postgres"} == 1'
    wait_until(lambda: observing.series(up), 60, "the exporter at the database")
    reader = started.exec("exporter", "cat", "/var/lib/exai/grafana-database-password").strip()
    asked = (
        "psql",
        f"postgresql://exai_grafana:{reader}@127.0.0.1/exai",
        "-Atc",
        "select count(*) from public.cache_metrics",
    )
    assert started.exec("postgres", *asked).strip().isdigit()


def test_a_second_up_recreates_and_restarts_nothing(started: Project) -> None:
    before = observing.identities(started)
    started.up()
    assert observing.identities(started) == before
    assert started.container("setup")["State"]["ExitCode"] == 0


def test_down_and_up_again_keeps_what_was_counted(started: Project) -> None:
    observing.push(started, "glm-4.6", 7)
    started.compose("down")
    assert started.containers() == {}
    if started.flavour.name == "compose-5":  # Compose 1.29 cannot wait.
        started.up("--wait")
        assert observing.unhealthy(started, STAYING) == {}
    else:
        started.up()
        observing.wait_until_healthy(started)
    assert observing.counted("glm-4.6") == 7


def of_grafana(path: str, password: str) -> list[dict[str, Any]]:
    """Return the answer of Grafana's API to its administrator."""
    login = base64.b64encode(f"admin:{password}".encode()).decode()
    request = urllib.request.Request(f"{observing.GRAFANA}{path}", headers={"Authorization": f"Basic {login}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
        return list(json.load(reply))
