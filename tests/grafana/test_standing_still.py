"""No card and no table shows a ratio or a quantile of nothing while nothing happens."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from random import Random

import pytest

from exporter.demo.traffic import Traffic
from tests import servers
from tests.end_to_end.test_kill import push
from tests.grafana.counting import is_of_rates
from tests.grafana.live import windows
from tests.grafana.recorded_gateway import evaluate_often
from tests.grafana.shipped import Target, targets

SINGLE_VALUES = {"stat", "gauge", "bargauge", "table"}
TARGETS = [target for target in targets() if target.panel["type"] in SINGLE_VALUES]


def is_a_share(target: Target) -> bool:
    """Whether a card of one value shows a share of what was counted."""
    fields = target.panel["fieldConfig"]
    units = [each["value"] for of in fields["overrides"] if of["matcher"]["options"] == target.json["legendFormat"]
             for each in of["properties"] if each["id"] == "unit"]  # fmt: skip
    unit = units[0] if units else fields["defaults"].get("unit")
    return target.panel["type"] == "stat" and unit == "percentunit" and is_of_rates(target.expression())


SHARES = [target for target in TARGETS if is_a_share(target)]

RATE, ACTIVE_S, STEP_S = 20, 120, 10
TWICE_S = 6
"""Seconds in which each group of rules is evaluated a second time."""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Prometheus]:
    """A Prometheus that meets an exporter whose counters are all there and stand still, and has looked twice."""
    home = tmp_path_factory.mktemp("still")
    with ExitStack() as stack:
        exporter = stack.enter_context(servers.exporter_server(home))
        simulate(exporter)
        prometheus = stack.enter_context(servers.prometheus_server(home, {"exai-exporter": [exporter.address]}))
        servers.write_targets(home / "prometheus/targets", {"prometheus": [prometheus.address]})
        evaluate_often(prometheus, home / "prometheus/rules")
        servers.wait_until(lambda: twice(prometheus), what="the exporter is scraped twice")
        scraped = time.time()
        servers.wait_until(
            lambda: evaluated(prometheus) > scraped + TWICE_S, what="rules are evaluated on recorded series"
        )
        yield prometheus


def simulate(exporter: servers.Server) -> None:
    """Push two minutes of a simulated gateway, which end now."""
    now = time.time()
    traffic = Traffic(Random(5), now - ACTIVE_S, RATE)
    for ago in range(ACTIVE_S - STEP_S, -1, -STEP_S):
        push(exporter, traffic.until(now - ago))


def twice(prometheus: servers.Prometheus) -> bool:
    return bool(prometheus.query('count_over_time(up{job="exai-exporter"}[1m]) >= 2'))


def evaluated(prometheus: servers.Prometheus) -> float:
    """Return when the rules were evaluated, of the group for which that is longest ago."""
    groups = servers.get_json(f"{prometheus.url}/api/v1/rules")["data"]["groups"]
    return min(datetime.fromisoformat(group["lastEvaluation"]).timestamp() for group in groups)


@pytest.mark.parametrize("target", TARGETS, ids=map(str, TARGETS))
def test_a_value_of_nothing_is_no_value(target: Target, prometheus: servers.Prometheus) -> None:
    rows = prometheus.query(target.expression(None, **windows(target)))
    assert [row for row in rows if not math.isfinite(float(row["value"][1]))] == []


@pytest.mark.parametrize("target", SHARES, ids=map(str, SHARES))
def test_a_share_of_nothing_is_not_0_percent(target: Target, prometheus: servers.Prometheus) -> None:
    assert prometheus.query(target.expression(None, **windows(target))) == []


def test_what_stands_still_is_there(prometheus: servers.Prometheus) -> None:
    names = ("exai_connection_operations_total", "exai_timeout_outcomes_total", "model:exai_timeout_names:info")
    assert all(map(prometheus.query, (*names, "implementation:exai_cache_lookups:rate5m == 0")))
