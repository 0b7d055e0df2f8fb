"""Each stand-in starts as the official image does."""

from __future__ import annotations

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


@pytest.mark.parametrize("image", sorted(images.pinned(ROOT)))
def test_a_stand_in_runs_as_the_official_user(engine: Engine, image: str) -> None:
    command = ("run", "--rm", "--entrypoint", "sh", image, "-c", 'echo "$(id -u):$(id -g)"')
    assert engine.docker(*command).strip() == OFFICIAL_USERS[image.partition(":")[0]]
