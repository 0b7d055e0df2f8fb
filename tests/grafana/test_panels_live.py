"""Every panel shows data: a simulated gateway, the exporter and Prometheus, all real."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from tests import servers
from tests.grafana.shipped import Target, targets

TARGETS = list(targets())
BY_MODEL = [
    target for target in TARGETS if target.json["format"] == "table" or "model}}" in target.json["legendFormat"]
]
"""Queries whose rows name their model."""

CHOSEN = {"provider": "kimi", "model": "kimi-k2-0905-preview"}
WINDOWS = {"__rate_interval": "20s", "__range": "15m"}
"""What Grafana fills in on the boards' default time range."""


@pytest.fixture(scope="module", params=["pushed", "through Redis"])
def prometheus(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[servers.Prometheus]:
    """A Prometheus that scrapes an exporter, which observes a simulated gateway."""
    home = tmp_path_factory.mktemp("live")
    with ExitStack() as stack:
        through_redis = request.param == "through Redis"
        redis = stack.enter_context(servers.redis_server(home)).url if through_redis else ""
        exporter = stack.enter_context(servers.exporter_server(home, {"EXAI_REDIS_URL": redis}))
        jobs = {"exai-exporter": [exporter.address]}
        server = stack.enter_context(servers.prometheus_server(home, jobs))
        stack.enter_context(simulated_gateway(home, exporter, redis))
        yield server


def simulated_gateway(home: Path, exporter: servers.Server, redis: str) -> AbstractContextManager[servers.Server]:
    """The demo, which pushes to `exporter` what it does not write to `redis`."""
    argv = [sys.executable, "-m", "exporter", "demo", "--exporter", exporter.url, "--redis", redis, "--seed", "1"]
    env = {**os.environ, "EXAI_STATE_DIR": str(home / "state")}
    return servers.running(argv, ready=lambda: True, log=home / "demo.log", env=env, cwd=servers.ROOT)


def numbers(prometheus: servers.Prometheus, target: Target) -> list[float]:
    """What a target shows now, without what is not a number."""
    values = (float(row["value"][1]) for row in prometheus.query(target.expression(**WINDOWS)))
    return [value for value in values if not math.isnan(value)]


@pytest.mark.parametrize("target", TARGETS, ids=map(str, TARGETS))
def test_a_panel_has_data(target: Target, prometheus: servers.Prometheus) -> None:
    servers.wait_until(lambda: numbers(prometheus, target), timeout_s=60, what=str(target))


@pytest.mark.parametrize("target", BY_MODEL, ids=map(str, BY_MODEL))
def test_a_chosen_model_is_shown_alone_under_either_of_its_names(
    target: Target, prometheus: servers.Prometheus
) -> None:
    expression = target.expression(CHOSEN, **WINDOWS)
    servers.wait_until(lambda: prometheus.query(expression), timeout_s=60, what=str(target))
    rows = [row["metric"] for row in prometheus.query(expression)]
    names = [row.get("model") or row["gen_ai_request_model"] for row in rows]
    assert set(names) <= {"kimi-k2-preview", CHOSEN["model"]}
