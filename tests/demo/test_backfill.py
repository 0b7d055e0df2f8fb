"""A demo's Prometheus can look back: the blocks that `make demo` makes, under the shipped rules."""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from exporter.bundle import backfill
from exporter.demo.levels import levels
from exporter.demo.past import CALM, DAYS, condition, episodes
from exporter.demo.past_bands import STEP_S
from exporter.demo.rhythm import DAY_S, WEEK_S, busy
from tests import past, servers

Row = dict[str, Any]

EVENTS = 'connection_type:exai_connection_events:rate5m{connection_type="websocket"}'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("past")


@pytest.fixture(scope="module")
def begun(home: Path) -> Iterator[tuple[servers.Prometheus, float]]:
    """A Prometheus that scrapes nothing, and has a past; and when its own data began at the latest."""
    with servers.prometheus_server(home, {}) as server:
        began = time.time()
        said = past.remember(server, home)
        assert "Prometheus finds it within a minute" in said[-1]
        yield server, began


@pytest.fixture(scope="module")
def prometheus(begun: tuple[servers.Prometheus, float]) -> servers.Prometheus:
    return begun[0]


def at(prometheus: servers.Prometheus, moment: float, promql: str) -> list[Row]:
    """What a query answers of a moment."""
    query = urllib.parse.urlencode({"query": promql, "time": moment})
    return list(servers.get_json(f"{prometheus.url}/api/v1/query?{query}")["data"]["result"])


def values(rows: list[Row]) -> dict[frozenset[tuple[str, str]], float]:
    """Values by what tells the rows apart, but for their names."""
    return {
        frozenset((name, value) for name, value in row["metric"].items() if name != "__name__"): float(row["value"][1])
        for row in rows
    }


def last_moment(prometheus: servers.Prometheus) -> float:
    """When the past ends."""
    return float(at(prometheus, time.time() + 600, f"max_over_time(timestamp({EVENTS})[2h:15s])")[0]["value"][1])


def test_there_is_a_sample_every_five_minutes_of_fifteen_days(prometheus: servers.Prometheus) -> None:
    assert prometheus.value(f"count_over_time({EVENTS}[{DAYS + 1}d])") == DAYS * DAY_S / STEP_S + 1


def test_the_weeks_have_a_rhythm_that_repeats(prometheus: servers.Prometheus) -> None:
    assert 3 < (prometheus.value(f"max_over_time({EVENTS}[1w]) / min_over_time({EVENTS}[1w])") or 0) < 8
    assert prometheus.value(f"{EVENTS} / {EVENTS} offset 1w") == pytest.approx(1, rel=0.25)
    (level,) = (
        one for one in levels().series if EVENTS.startswith(one.name) and one.labels == {"connection_type": "websocket"}
    )
    expected = level.values[CALM] * busy(last_moment(prometheus))
    assert prometheus.value(EVENTS) == pytest.approx(expected, rel=0.15)


def test_a_part_of_the_error_budget_is_spent(prometheus: servers.Prometheus) -> None:
    moment = last_moment(prometheus)
    left = values(at(prometheus, moment, "connection_type:exai_slo_error_budget:ratio30d"))
    lost, all_of_them = (
        f'sum_over_time({{__name__=~"connection_type:exai_slo_({counted}):increase5m"}}[30d])'
        for counted in ("bad|failed_operations", "events|operations")
    )
    shares = values(at(prometheus, moment, f"{lost} / {all_of_them}"))
    assert len(left) == 10
    for subject, share in shares.items():
        allowed = 1 - levels().constant("connection_type:exai_slo_objective:ratio", **dict(subject))
        assert 0 < left[subject] <= 1
        assert left[subject] == pytest.approx(1 - share / allowed, abs=0.01)
    hit = {("redis", "availability"), ("kimi", "availability")}
    assert all(left[frozenset({("connection_type", one), ("slo", slo)})] < 0.99 for one, slo in hit)


def test_each_incident_is_seen_when_it_was_and_at_no_other_time(prometheus: servers.Prometheus) -> None:
    now = last_moment(prometheus)
    for episode, subject, least in zip(
        episodes(now),
        (
            'connection_type:exai_connection_operations:error_ratio_rate5m{connection_type="redis"} > 0.8',
            'connection_type:exai_connection_response_seconds:p95_rate2m{connection_type="kimi"} > 45',
        ),
        (50, 120),
        strict=True,
    ):
        lasted = f"count_over_time(({subject})[{DAYS}d:{STEP_S}s])"
        assert prometheus.value(lasted) == pytest.approx(least * 60 / STEP_S, abs=1)
        assert at(prometheus, (episode.started + episode.ended) / 2, subject)
        named = {row["metric"]["alertname"] for row in at(prometheus, episode.ended, 'ALERTS{alertstate="firing"}')}
        assert named == {alert.labels["alertname"] for alert in levels().alerts[episode.incident]}
        assert condition(episodes(now), episode.started - 1) == CALM
        assert not at(prometheus, episode.started - STEP_S, 'ALERTS{alertname!="Watchdog"}')


LEARNED = {
    rule["record"]: rule["expr"]
    for group in yaml.safe_load((servers.ROOT / "prometheus/rules/bands.yml").read_text())["groups"]
    for rule in group["rules"]
    if rule.get("record", "").rpartition(":")[2] in ("kept", "mean1d", "swing", "residual", "mean")
    and "labels" not in rule
}
"""The rules of which nothing that is not in the past has a part."""


@pytest.mark.parametrize("days_ago", [0.5, 4.25, 8.9])
@pytest.mark.parametrize("series", LEARNED)
def test_the_bands_are_those_that_the_rules_would_have_learned(
    series: str, days_ago: float, prometheus: servers.Prometheus
) -> None:
    moment = last_moment(prometheus) - days_ago * DAY_S // STEP_S * STEP_S
    expression = LEARNED[series].replace("last_over_time(subject:exai_band:season[10m])", f"({LEARNED_SEASON})")
    told, learned = values(at(prometheus, moment, series)), values(at(prometheus, moment, expression))
    assert len(told) > 20
    assert told == pytest.approx(learned, rel=0.02, abs=0.02 * max(map(abs, told.values())))


(LEARNED_SEASON,) = (
    rule["expr"]
    for group in yaml.safe_load((servers.ROOT / "prometheus/rules/bands.yml").read_text())["groups"]
    for rule in group["rules"]
    if rule.get("record") == "subject:exai_band:season"
)


def test_a_deviation_is_what_the_rules_would_have_measured(prometheus: servers.Prometheus) -> None:
    moment = last_moment(prometheus)
    measured = values(at(prometheus, moment, "stddev_over_time(subject:exai_band:residual[1d])"))
    told = values(at(prometheus, moment, "subject:exai_band:deviation"))
    assert told.keys() == measured.keys()
    assert all(told[subject] >= 0.99 * measured[subject] for subject in told)
    above = "(subject:exai_band:upper - subject:exai_band:mean) / subject:exai_band:deviation"
    assert values(at(prometheus, moment, above)) == pytest.approx(dict.fromkeys(told, 4), rel=0.1)


def test_what_is_usual_now_is_inside_its_band(prometheus: servers.Prometheus) -> None:
    inside = "subject:exai_band:input < subject:exai_band:upper and subject:exai_band:input > subject:exai_band:lower"
    moment = last_moment(prometheus)
    assert values(at(prometheus, moment, inside)) == values(at(prometheus, moment, "subject:exai_band:input"))
    week = f"avg_over_time(subject:exai_band:mean{{band='request_rate'}}[{WEEK_S}s])"
    assert at(prometheus, moment, week)


def test_no_past_is_written_twice_nor_over_one_that_is_there(prometheus: servers.Prometheus, home: Path) -> None:
    data = home / "prometheus/data"
    blocks, said = sorted(data.glob("01*")), []
    backfill.backfill(prometheus.url, data, said.append)
    assert said == []
    (data / backfill.TEXT).unlink()
    backfill.backfill(prometheus.url, data, said.append)
    assert said == ["  past          is left alone: Prometheus has seen a gateway before"]
    assert not backfill.has_past(data)
    assert sorted(data.glob("01*")) == blocks


def test_the_past_ends_before_what_prometheus_has_itself(begun: tuple[servers.Prometheus, float]) -> None:
    server, began = begun
    assert began - 60 < last_moment(server) <= began + 1


@pytest.mark.parametrize("environment", ["", "staging"])
def test_no_past_is_simulated_in_a_real_bundle(tmp_path: Path, environment: str) -> None:
    command = ["--prometheus", "http://127.0.0.1:1", "--output", str(tmp_path)]
    refused = CliRunner().invoke(backfill.past, command, env={"EXAI_ENVIRONMENT": environment})
    assert refused.exit_code == 1
    assert "no past is simulated in a real bundle: EXAI_ENVIRONMENT is not demo" in refused.output


def test_without_promtool_the_demo_goes_on_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said: list[str] = []
    monkeypatch.setattr(backfill, "find_binary", lambda *_: None)
    backfill.backfill("http://127.0.0.1:1", tmp_path, said.append)
    assert said == ["  past          there is none: promtool, which comes with Prometheus, is not installed"]


def test_without_prometheus_there_is_no_past(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said: list[str] = []
    monkeypatch.setattr(backfill, "_ANSWERS_WITHIN_S", 0)
    backfill.backfill(f"http://127.0.0.1:{servers.free_port()}", tmp_path, said.append)
    assert "there is none" in said[0]
    assert not list(tmp_path.iterdir())
