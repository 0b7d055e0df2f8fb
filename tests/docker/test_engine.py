"""The engine answers, builds the Dockerfile, and can be restarted as a machine is."""

from __future__ import annotations

import json

import pytest

from tests.docker.engine import Engine
from tests.servers import wait_until

SLEEPER = "engine-test"


def test_the_engine_answers(engine: Engine) -> None:
    info = json.loads(engine.docker("info", "--format", "{{json .}}"))
    assert info["ServerVersion"].startswith("20.10")
    assert info["Driver"] in ("overlay2", "fuse-overlayfs", "vfs")


def test_the_dockerfile_builds_from_the_locks_wheels(engine: Engine, exporter_image: str) -> None:
    assert "serve" in engine.docker("run", "--rm", exporter_image, "--help")


def test_a_container_reaches_the_host(engine: Engine) -> None:
    command = ("run", "--rm", "--add-host", "host.docker.internal:host-gateway", "exai-tests/redis")
    assert "Directory listing" in engine.docker(*command, "wget", "-qO-", "http://host.docker.internal:8099/")


@pytest.mark.parametrize("how", ["restart", "power failure"])
def test_a_container_comes_back_with_the_engine(engine: Engine, how: str) -> None:
    engine.docker("run", "--detach", "--name", SLEEPER, "--restart", "unless-stopped", "exai-tests/redis")
    try:
        before = running(engine)
        assert before
        if how == "restart":
            engine.stop()
        else:
            engine.crash()
        engine.start()
        wait_until(lambda: running(engine) not in (None, before), what="the container again")
    finally:
        engine.docker("rm", "--force", SLEEPER)


def running(engine: Engine) -> int | None:
    """The process of the container, None when it has none."""
    state = engine.inspect(SLEEPER)[0]["State"]
    return int(state["Pid"]) if state["Running"] else None
