"""The heat map and the node graph show what a simulated gateway does before, in, and after incidents.

A week before, the same gateway has a calm hour. Prometheus keeps both, and promtool records what the rules say of them.
"""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random
from statistics import fmean

import pytest

from exporter.conventions import (
    CONNECTION_OPERATIONS,
    CONNECTION_RESPONSE,
    LATENCY_BUCKETS,
    LAYER_DURATION,
    REQUESTS,
)
from exporter.decode.canonical import decode
from exporter.demo.conditions import NORMAL, Conditions
from exporter.demo.incidents import error_burst, slow_kimi
from exporter.demo.shapes import Event, happened_at
from exporter.demo.traffic import ConditionsAt, Traffic
from exporter.expose.exposition import Format, render
from exporter.fold.apply import Fold
from exporter.fold.state import State
from exporter.types import Batch
from grafana.flow_queries import LAYERS
from grafana.panels.filling import LAST_WEEK
from tests import servers
from tests.grafana.shipped import Target, targets

RATE, STEP_S, AFTER_S = 10, 15, 7
"""Scrapes lie 7 seconds past each quarter of a minute, so none is on the edge of a window."""

WEEK_S = 7 * 86_400
STARTED = 1_779_999_960
LASTS_S = 2700
MOMENTS = {"before": 600, "slow-kimi": 1200, "between": 1800, "error-burst": 2400, "after": 2700}
FAMILIES = (LAYER_DURATION, REQUESTS, CONNECTION_OPERATIONS, CONNECTION_RESPONSE)
RULES = [str(servers.ROOT / f"prometheus/rules/{name}.yml") for name in ("connections", "layers")]
PASSES = 3
"""promtool does not see what it records itself, and the slow share rests on a p95, which rests on a count."""

COUNT = "layer_tool:exai_layer_duration_seconds_count:rate2m"
SLOW = "layer:exai_layer_slow:ratio_rate2m"
FAILED = "connection_type:exai_connection_operations:error_ratio_rate2m"
HEAT, GRAPH = "Time in each layer against last week", "Layers and what lies behind them"


def conditions_at(elapsed_s: float) -> Conditions:
    """Return slow-kimi from minute 10 to 20, and an error burst from minute 30 to 40."""
    if 600 <= elapsed_s < 1200:
        return slow_kimi(NORMAL)
    return error_burst(NORMAL) if 1800 <= elapsed_s < 2400 else NORMAL


@dataclass(frozen=True)
class Lived:
    """A time of the gateway: its events, and what Prometheus has of it."""

    started: float
    events: list[Event]
    samples: dict[str, list[str]]

    def within(self, end: float) -> list[Event]:
        """Return the events between the first and the last scrape of the two minutes before a moment."""
        first, last = (self._last_scrape(at) for at in (end - 120 + STEP_S, end))
        return [event for event in self.events if first < happened_at(event) <= last]

    def _last_scrape(self, at: float) -> float:
        return self.started + AFTER_S + (at - self.started - AFTER_S) // STEP_S * STEP_S


def live(started: float, seed: int, conditions: ConditionsAt) -> Lived:
    traffic, fold = Traffic(Random(seed), started, RATE, conditions), Fold(State())
    events: list[Event] = []
    samples: dict[str, list[str]] = {family.name: [] for family in FAMILIES}
    for elapsed in range(AFTER_S, LASTS_S + 1, STEP_S):
        now = started + elapsed
        fresh = [event for event in traffic.until(now) if event["kind"] in ("trace", "connection")]
        events += fresh
        fold.apply(Batch("demo", decode(json.dumps(fresh).encode(), now, most=10**6).events, received=now))
        for family in FAMILIES:
            samples[family.name] += scraped(fold, family.name, now)
    return Lived(started, events, samples)


def scraped(fold: Fold, name: str, now: float) -> Iterator[str]:
    (family,) = (each for each in FAMILIES if each.name == name)
    for child in fold.state.families[name].children.values():
        yield from (f"{line} {now:.0f}\n" for line in render(family, child, Format.TEXT).splitlines())


@pytest.fixture(scope="module")
def last_week() -> Lived:
    return live(STARTED - WEEK_S, 7, lambda _: NORMAL)


@pytest.fixture(scope="module")
def now() -> Lived:
    return live(STARTED, 11, conditions_at)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, last_week: Lived, now: Lived) -> Iterator[servers.Prometheus]:
    """A Prometheus with both times, and with what the rules record of them."""
    home = tmp_path_factory.mktemp("layers")
    text, data = home / "samples.txt", home / "prometheus/data"
    with text.open("w") as file:
        for family in FAMILIES:
            file.write(f"# TYPE {family.name.removesuffix('_total')} {family.kind.value}\n")
            file.writelines(last_week.samples[family.name] + now.samples[family.name])
        file.write("# EOF\n")
    with servers.prometheus_server(home, {}) as server:
        server.stop()
        tsdb = [servers.binary("promtool"), "tsdb", "create-blocks-from"]
        subprocess.run([*tsdb, "openmetrics", str(text), str(data)], check=True, capture_output=True)
        server.start()
        for _ in range(PASSES):
            for lived in (last_week, now):
                span = [f"--start={lived.started:.0f}", f"--end={lived.started + LASTS_S:.0f}"]
                record = [*tsdb, "rules", f"--url={server.url}", f"--output-dir={data}", *span, *RULES]
                subprocess.run(record, check=True, capture_output=True)
            server.stop()
            server.start()
        yield server


def evaluated(prometheus: servers.Prometheus, name: str, moment: str) -> float:
    """Return when a rule was evaluated last before a moment; promtool moves each group by some seconds."""
    at = prometheus.value(f"min(timestamp({name}))", at=STARTED + MOMENTS[moment])
    assert at
    return at


def shown(prometheus: servers.Prometheus, title: str, at: float) -> list[tuple[str, dict[str, str], float]]:
    """Return the legend, the labels and the value of each row that a panel has at a moment."""
    asked = [each for each in targets() if each.panel["title"] == title]
    return [
        (target.json["legendFormat"], row["metric"], float(row["value"][1]))
        for target in asked
        if isinstance(target, Target)
        for row in prometheus.query(target.expression(None, rate_interval="1m"), at=at)
    ]


def heat(prometheus: servers.Prometheus, at: float) -> dict[str, float]:
    return {layer: value for layer, _, value in shown(prometheus, HEAT, at)}


def rings(prometheus: servers.Prometheus, at: float) -> dict[str, dict[str, float]]:
    """Return the parts of each node's ring."""
    nodes = [labels for _, labels, _ in shown(prometheus, GRAPH, at) if "title" in labels]
    return {
        node["id"]: {name.removeprefix("arc__"): float(text) for name, text in node.items() if name[:5] == "arc__"}
        for node in nodes
    }


def seconds_in(layer: str, events: Iterable[Event]) -> list[float]:
    return [
        span["end_time"] - span["start_time"]
        for event in events
        if event["kind"] == "trace"
        for span in event["spans"]
        if span["layer"] == layer
    ]


def answers(service: str, events: Iterable[Event]) -> list[Event]:
    """Return the events of a service that have a response time."""
    return [
        event
        for event in events
        if event["kind"] == "connection"
        and event["connection_type"] == service
        and event["response_time_ms"] is not None
    ]


def above_last_week(measured: list[float], usual: list[float]) -> float:
    """Return the share above the bucket's bound at the p95 of last week, or next above it."""
    p95 = sorted(usual)[int(0.95 * len(usual))]
    bound = next(each for each in LATENCY_BUCKETS if each >= p95)
    return fmean(seconds > bound for seconds in measured)


@pytest.mark.parametrize("moment", ["before", "slow-kimi", "between", "after"])
def test_a_cell_is_the_mean_over_that_of_last_week(
    prometheus: servers.Prometheus, last_week: Lived, now: Lived, moment: str
) -> None:
    at = evaluated(prometheus, COUNT, moment)
    cells = heat(prometheus, STARTED + MOMENTS[moment])
    assert list(cells) == list(LAYERS)
    for layer, ratio in cells.items():
        truth = fmean(seconds_in(layer, now.within(at))) / fmean(seconds_in(layer, last_week.events))
        assert ratio == pytest.approx(truth, rel=0.05), layer


def test_only_the_layer_that_waits_for_the_slow_provider_is_slow(prometheus: servers.Prometheus) -> None:
    cells = heat(prometheus, STARTED + MOMENTS["slow-kimi"])
    assert {layer for layer, ratio in cells.items() if ratio > 1.25} == {"ai_api"}


def test_requests_that_fail_do_not_make_a_layer_look_faster(
    prometheus: servers.Prometheus, last_week: Lived, now: Lived
) -> None:
    at = evaluated(prometheus, COUNT, "error-burst")
    truth = fmean(seconds_in("ai_api", now.within(at))) / fmean(seconds_in("ai_api", last_week.events))
    assert truth < 0.8
    cells = heat(prometheus, STARTED + MOMENTS["error-burst"])
    assert math.isnan(cells["ai_api"])
    assert [layer for layer, ratio in cells.items() if ratio < 0.8] == []


def test_without_a_last_week_the_map_says_what_it_needs(prometheus: servers.Prometheus) -> None:
    cells = heat(prometheus, STARTED - WEEK_S + MOMENTS["before"])
    assert list(cells) == [*LAYERS, LAST_WEEK.brief]
    assert all(map(math.isnan, cells.values()))


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("service", ["kimi", "glm", "redis"])
def test_the_ring_of_a_service_shows_what_failed_and_what_was_slow(
    prometheus: servers.Prometheus, last_week: Lived, now: Lived, service: str, moment: str
) -> None:
    usual = [event["response_time_ms"] / 1000 for event in answers(service, last_week.events)]
    answered = answers(service, now.within(evaluated(prometheus, SLOW, moment)))
    seconds = [event["response_time_ms"] / 1000 for event in answered]
    ended = answers(service, now.within(evaluated(prometheus, FAILED, moment)))
    failed = fmean(event["error"] is not None for event in ended)
    slow = min(above_last_week(seconds, usual), 1 - failed)
    ring = rings(prometheus, STARTED + MOMENTS[moment])[service]
    assert ring == pytest.approx({"failed": failed, "slow": slow, "ok": 1 - failed - slow, "unknown": 0}, abs=0.02)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("layer", ["tool", "provider_selection", "ai_api"])
def test_the_ring_of_a_layer_is_grey_where_nobody_told_what_failed(
    prometheus: servers.Prometheus, last_week: Lived, now: Lived, layer: str, moment: str
) -> None:
    at = evaluated(prometheus, SLOW, moment)
    slow = above_last_week(seconds_in(layer, now.within(at)), seconds_in(layer, last_week.events))
    ring = rings(prometheus, STARTED + MOMENTS[moment])[layer]
    assert ring == pytest.approx({"failed": 0, "slow": slow, "ok": 0, "unknown": 1 - slow}, abs=0.02)


def test_a_node_without_a_last_week_has_no_slow_part(prometheus: servers.Prometheus) -> None:
    found = rings(prometheus, STARTED - WEEK_S + MOMENTS["before"])
    assert {node: ring["slow"] for node, ring in found.items()} == dict.fromkeys(found, 0)
    assert found["tool"]["unknown"] == 1


def test_a_node_says_in_words_what_is_unknown(prometheus: servers.Prometheus) -> None:
    at = STARTED + MOMENTS["error-burst"]
    nodes = {labels["id"]: labels for _, labels, _ in shown(prometheus, GRAPH, at) if "title" in labels}
    assert nodes["ai_api"]["subtitle"] == "failed: unknown"
    assert nodes["kimi"]["subtitle"].endswith(" % failed")
