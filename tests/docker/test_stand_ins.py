"""The engine works, the Dockerfile builds in it, and each stand-in starts as the official image does."""

from __future__ import annotations

import json

import pytest

from tests.docker import images
from tests.docker.engine import Engine
from tests.servers import ROOT

OFFICIAL_USERS = {
    "grafana/grafana": "472:0",
    "oliver006/redis_exporter": "59000:59000",
    "postgres": "0:0",
    "prom/alertmanager": "65534:65534",
    "prom/node-exporter": "65534:65534",
    "prom/prometheus": "65534:65534",
    "prometheuscommunity/postgres-exporter": "65534:65534",
    "python": "0:0",
    "redis": "0:0",
}


def test_the_engine_answers(engine: Engine) -> None:
    info = json.loads(engine.docker("info", "--format", "{{json .}}"))
    assert info["ServerVersion"].startswith("20.10")


def test_the_dockerfile_builds_from_the_locks_wheels(engine: Engine, exporter_image: str) -> None:
    printed = engine.docker("run", "--rm", exporter_image, "--help")
    assert "serve" in printed


@pytest.mark.parametrize("image", sorted(images.pinned(ROOT)))
def test_a_stand_in_runs_as_the_official_user(engine: Engine, image: str) -> None:
    command = ("run", "--rm", "--entrypoint", "sh", image, "-c", 'echo "$(id -u):$(id -g)"')
    assert engine.docker(*command).strip() == OFFICIAL_USERS[image.partition(":")[0]]
