"""Every panel shows data, and what it counts moves: in a simulated gateway, the exporter, Prometheus and Postgres.

What cannot move is in still.yml, with its reason.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from exporter.demo.levels import levels
from exporter.demo.past import CALM
from exporter.demo.rhythm import WEEK_S, busy
from tests import servers
from tests.grafana.counting import is_of_rates
from tests.grafana.live import PUSHED, STORED, Live, running, windows
from tests.grafana.shipped import Choice, SqlTarget, Target, choices, sql_targets, targets

TARGETS = [target for target in targets() if not target.json["legendFormat"].startswith("Needs ")]
"""All but rows that are there only while something is missing."""

BY_MODEL = [
    target
    for target in TARGETS
    if "$model" in target.json["expr"]
    and target.board["uid"] != "exai-compare"
    and (target.json["format"] == "table" or "model}}" in target.json["legendFormat"])
]
BY_IMPLEMENTATION = [
    target
    for target in TARGETS
    if "$implementation" in target.json["expr"]
    and (target.json["format"] == "table" or "{{implementation}}" in target.json["legendFormat"])
]
"""Queries whose rows name their model, or their implementation of the cache; those of any series whatever do not."""

COMPARED = [
    "implementation:exai_cache_hits:ratio_rate5m",
    "implementation:exai_cache_lookups:rate5m",
    "implementation:exai_cache_response_seconds:p95_rate5m",
    "implementation:exai_cache_errors:ratio_rate5m",
]
"""What is set beside last week."""

CHOSEN = {"provider": "kimi", "model": "kimi-k2-0905-preview"}

PATIENCE_S = 240
"""What takes longest is the third call of 30 conversations that began since the start."""

STILL: dict[str, str] = yaml.safe_load((Path(__file__).parent / "still.yml").read_text())
COUNTING = [target for target in TARGETS if is_of_rates(target.expression())]
MOVING = [target for target in COUNTING if str(target) not in STILL]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Live]]:
    """Simulated gateways at the same time, one for each way of its events."""
    with ExitStack() as stack:
        yield {way: stack.enter_context(running(tmp_path_factory.mktemp("live"), way)) for way in (PUSHED, STORED)}


@pytest.fixture(params=[PUSHED, STORED])
def live(request: pytest.FixtureRequest, runs: dict[str, Live]) -> Live:
    """One of them."""
    return runs[request.param]


@pytest.fixture
def prometheus(live: Live) -> servers.Prometheus:
    """The one that scrapes it."""
    return live.prometheus


@pytest.mark.parametrize("target", TARGETS, ids=map(str, TARGETS))
def test_a_panel_has_data(target: Target, live: Live) -> None:
    servers.wait_until(lambda: live.shown(target), PATIENCE_S, str(target))


@pytest.mark.parametrize("target", MOVING, ids=map(str, MOVING))
def test_what_counts_events_is_not_always_zero(target: Target, live: Live) -> None:
    servers.wait_until(lambda: live.moved(target), PATIENCE_S, str(target))


@pytest.mark.parametrize("target", BY_MODEL, ids=map(str, BY_MODEL))
def test_a_chosen_model_is_shown_alone_under_either_of_its_names(
    target: Target, prometheus: servers.Prometheus
) -> None:
    expression = target.expression(CHOSEN, **windows(target))
    servers.wait_until(lambda: prometheus.query(expression), timeout_s=60, what=str(target))
    rows = [row["metric"] for row in prometheus.query(expression)]
    names = [row.get("model") or row["gen_ai_request_model"] for row in rows]
    assert set(names) <= {"kimi-k2-preview", CHOSEN["model"]}


@pytest.mark.parametrize("target", BY_IMPLEMENTATION, ids=map(str, BY_IMPLEMENTATION))
def test_a_chosen_implementation_of_the_cache_is_shown_alone(target: Target, prometheus: servers.Prometheus) -> None:
    expression = target.expression({"implementation": "new"}, **windows(target))
    servers.wait_until(lambda: prometheus.query(expression), timeout_s=60, what=str(target))
    assert {row["metric"]["implementation"] for row in prometheus.query(expression)} == {"new"}


@pytest.mark.parametrize("series", COMPARED)
def test_last_week_is_drawn_from_what_was_recorded_then(series: str, prometheus: servers.Prometheus) -> None:
    (target,) = (each for each in TARGETS if f"{series}{{" in each.json["expr"] and _is_drawn_of_last_week(each))
    rows = prometheus.query(target.expression(None, **windows(target)))
    shown = {row["metric"]["implementation"]: float(row["value"][1]) for row in rows}
    traffic = busy(time.time() - WEEK_S)
    known = {
        level.labels["implementation"]: level.values[CALM] * (traffic if level.follows_traffic else 1)
        for level in levels().series
        if level.name == series
    }
    assert shown == pytest.approx(known, rel=0.2)


def _is_drawn_of_last_week(target: Target) -> bool:
    return bool(target.json["legendFormat"].endswith("a week ago"))


@pytest.mark.parametrize("choice", list(choices()), ids=str)
def test_a_variable_has_values(choice: Choice, live: Live) -> None:
    servers.wait_until(lambda: live.choices(choice), what=str(choice))


@pytest.mark.parametrize("target", list(sql_targets()), ids=str)
def test_a_panel_that_asks_postgres_has_rows(target: SqlTarget, live: Live) -> None:
    servers.wait_until(lambda: live.kept(target), PATIENCE_S, str(target))


def test_what_is_said_to_be_still_is_so_and_says_why(live: Live) -> None:
    """This comes last, when all that can move has had its time."""
    assert sorted(STILL.keys() - set(map(str, COUNTING))) == []
    assert [str(target) for target in COUNTING if str(target) in STILL and live.moved(target)] == []
    assert [name for name, because in STILL.items() if len(because.split()) < 4] == []


def test_a_rate_is_found_in_what_is_recorded_too() -> None:
    assert is_of_rates("max(increase(exai_cache_hits_total[5m]))")
    assert is_of_rates("connection_type:exai_slo_burn:rate1h > 1")
    assert not is_of_rates("max(exai_sessions_active) / pool:exai_pool_used:ratio")


def test_no_panel_fills_what_is_missing_with_a_number() -> None:
    assert [str(target) for target in TARGETS if re.search(r"\bvector\s*\(", target.json["expr"])] == []
