"""Every panel shows data: a simulated gateway, the exporter, Prometheus and Postgres, all real."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from tests import servers
from tests.databases import postgres_server
from tests.grafana import last_week
from tests.grafana.shipped import Target, targets

TARGETS = list(targets())
BY_MODEL = [
    target
    for target in TARGETS
    if "$model" in target.json["expr"]
    and (target.json["format"] == "table" or "model}}" in target.json["legendFormat"])
]
BY_IMPLEMENTATION = [
    target
    for target in TARGETS
    if "$implementation" in target.json["expr"]
    and (target.json["format"] == "table" or "{{implementation}}" in target.json["legendFormat"])
]
"""Queries whose rows name their model, or their implementation of the cache."""

CHOSEN = {"provider": "kimi", "model": "kimi-k2-0905-preview"}
WINDOWS = {"__rate_interval": "20s", "__range": "15m"}
"""What Grafana fills in on the boards' default time range."""


@pytest.fixture(scope="module", params=["pushed", "through Redis"])
def prometheus(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[servers.Prometheus]:
    """A Prometheus that remembers last week and scrapes an exporter, which observes a simulated gateway."""
    home = tmp_path_factory.mktemp("live")
    with ExitStack() as stack:
        through_redis = request.param == "through Redis"
        redis = stack.enter_context(servers.redis_server(home)).url if through_redis else ""
        database = last_week.remembering(stack.enter_context(postgres_server(home)), "live")
        sources = {"EXAI_REDIS_URL": redis, "EXAI_DATABASE_URL": database}
        exporter = stack.enter_context(servers.exporter_server(home, sources))
        jobs = {"exai-exporter": [exporter.address]}
        server = stack.enter_context(servers.prometheus_server(home, jobs))
        last_week.remember(server, home, time.time())
        stack.enter_context(simulated_gateway(home, exporter, redis))
        yield server


def simulated_gateway(home: Path, exporter: servers.Server, redis: str) -> AbstractContextManager[servers.Server]:
    """The demo, which pushes to `exporter` what it does not write to `redis`."""
    argv = [sys.executable, "-m", "exporter", "demo", "--exporter", exporter.url, "--redis", redis, "--seed", "1"]
    env = {**os.environ, "EXAI_STATE_DIR": str(home / "state")}
    return servers.running(argv, ready=lambda: True, log=home / "demo.log", env=env, cwd=servers.ROOT)


def numbers(prometheus: servers.Prometheus, target: Target) -> list[float]:
    """What a target shows now, without what is not a number."""
    values = (float(row["value"][1]) for row in prometheus.query(target.expression(None, **WINDOWS)))
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


@pytest.mark.parametrize("target", BY_IMPLEMENTATION, ids=map(str, BY_IMPLEMENTATION))
def test_a_chosen_implementation_of_the_cache_is_shown_alone(target: Target, prometheus: servers.Prometheus) -> None:
    expression = target.expression({"implementation": "new"}, **WINDOWS)
    servers.wait_until(lambda: prometheus.query(expression), timeout_s=60, what=str(target))
    assert {row["metric"]["implementation"] for row in prometheus.query(expression)} == {"new"}


@pytest.mark.parametrize(("series", "levels"), last_week.LAST_WEEK.items(), ids=last_week.LAST_WEEK)
def test_last_week_is_drawn_from_what_was_recorded_then(
    series: str, levels: dict[str, float], prometheus: servers.Prometheus
) -> None:
    (target,) = (each for each in TARGETS if f"{series}{{" in each.json["expr"] and _is_drawn_of_last_week(each))
    rows = prometheus.query(target.expression(None, **WINDOWS))
    shown = {row["metric"]["implementation"]: float(row["value"][1]) for row in rows}
    assert shown == pytest.approx(levels, rel=0.1)


def _is_drawn_of_last_week(target: Target) -> bool:
    return bool(target.json["legendFormat"].endswith("a week ago"))
