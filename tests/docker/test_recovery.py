"""After `make up`, every container comes back from a crash, and all of them from a restart of the engine."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.docker import observing
from tests.docker.engine import Engine
from tests.docker.observing import STAYING
from tests.docker.project import FLAVOURS, Project, project
from tests.servers import wait_until

SIGKILLED = 128 + signal.SIGKILL


@pytest.fixture(scope="module")
def running(engine: Engine, exporter_image: str) -> Iterator[Project]:
    """The bundle after two `make up`: the second reloads Prometheus and Alertmanager while they run."""
    with project(engine, FLAVOURS[-1]) as bundle:
        bundle.make("up")
        bundle.make("up")
        observing.wait_until_healthy(bundle)
        yield bundle


@pytest.mark.parametrize("service", sorted(STAYING))
def test_a_container_comes_back_after_its_process_was_killed(running: Project, service: str) -> None:
    observing.push(running, "kimi-k2", 3)
    before, counted = observing.identities(running, [service]), observing.counted("kimi-k2")
    observing.kill(running, service)
    wait_until(lambda: observing.identities(running, [service]) != before, 30, f"another start of {service}")
    observing.wait_until_healthy(running, {service, "exporter"})
    assert running.container(service)["Id"] == before[service][0]
    assert observing.counted("kimi-k2") == counted


@pytest.mark.parametrize("service", ["database", "exporter"])
def test_a_stop_is_heard_from_the_first_moment_on(running: Project, engine: Engine, service: str) -> None:
    container = running.container(service)["Id"]
    engine.docker("stop", container)
    for _ in range(3):
        engine.docker("start", container)
        engine.docker("stop", "--time", "60", container)
        assert running.container(service)["State"]["ExitCode"] != SIGKILLED
    engine.docker("start", container)
    observing.wait_until_healthy(running, [service])


def test_all_of_them_come_back_after_the_engine_was_restarted(running: Project, engine: Engine) -> None:
    observing.push(running, "kimi-k2", 5)
    counted = observing.counted("kimi-k2")
    engine.restart()
    observing.wait_until_healthy(running)
    assert observing.counted("kimi-k2") == counted


def test_all_of_them_come_back_after_a_power_failure(running: Project, engine: Engine) -> None:
    observing.push(running, "kimi-k2", 5)
    counted = observing.counted("kimi-k2")
    engine.crash()
    engine.start()
    observing.wait_until_healthy(running)
    assert observing.counted("kimi-k2") == counted
