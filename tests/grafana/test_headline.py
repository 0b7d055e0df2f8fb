"""The headline of the overview says what the simulated requests did, calm and in incidents."""

from __future__ import annotations

import json
import re
import subprocess
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from random import Random

import pytest

from exporter import recordings
from exporter.alerts.replaying.folding import STEP_S, Scrapes
from exporter.conventions import LATENCY_BUCKETS
from exporter.demo.conditions import NORMAL
from exporter.demo.incidents import INCIDENTS
from exporter.demo.shapes import Event
from exporter.demo.traffic import Traffic
from exporter.settings import Settings
from grafana.boards.gateway_overview.headline import FAILED
from grafana.panels import colours
from tests.grafana.shipped import targets
from tests.servers import ROOT, binary

RATE, LASTS_S = 40, 480
STARTED = 1_780_000_020
"""The start of a minute, so that a step of the simulation begins with it."""

EVERY_S, EVALUATED_AT_S = 61, 488
"""No sample lies on the edge of a window of 2 minutes that ends then."""

UNAVAILABLE = "Connection error."
CONDITIONS = {
    "calm": NORMAL,
    "slow-kimi": INCIDENTS["slow-kimi"](NORMAL),
    "kimi and glm out": NORMAL.failing("kimi", 1, UNAVAILABLE).failing("glm", 1, UNAVAILABLE),
}
TRACED, UNTRACED = "tool requests", "model calls"
_ROW = re.compile(r'\{kind="([a-z ]+)"\} ([0-9.Ee+-]+)')


@dataclass(frozen=True)
class Headline:
    """The failed share, the 95th percentile in seconds and the rate a second of requests."""

    failed: float
    p95: float
    rate: float


@dataclass(frozen=True)
class Ended:
    """A request that ended at a moment after so many seconds."""

    at: float
    seconds: float
    failed: bool


@cache
def happened(condition: str) -> Sequence[Event]:
    return Traffic(Random(7), STARTED, RATE, lambda _: CONDITIONS[condition]).until(STARTED + LASTS_S)


def shown(condition: str, kind: str, home: Path) -> Headline:
    """Return the values of the panel's queries over what the exporter shows of the events."""
    events = [event for event in happened(condition) if (event["kind"] == "trace") == (kind == TRACED)]
    read = recordings.events_of((json.dumps(event).encode() for event in events), lambda: STARTED + LASTS_S)
    scrapes = Scrapes(recordings.by_time(read), Settings())
    asked = [target.expression() for target in targets() if target.panel["title"] == "What users feel"]
    return Headline(*_values(scrapes, asked, kind, home))


def _values(scrapes: Scrapes, asked: Sequence[str], kind: str, home: Path) -> list[float]:
    """Return the values that promtool says it had not expected."""
    series = [
        each
        for each in scrapes.history.written(scrapes.steps)
        if each["series"].startswith(("exai_request", "gen_ai_client_operation_duration"))
    ]
    asking = [{"expr": expression, "eval_time": f"{EVALUATED_AT_S}s"} for expression in asked]
    document = {
        "rule_files": [str(ROOT / "prometheus/rules/headline.yml")],
        "evaluation_interval": f"{EVERY_S}s",
        "tests": [{"interval": f"{STEP_S}s", "input_series": series, "promql_expr_test": asking}],
    }
    path = home / "headline.yml"
    path.write_text(json.dumps(document))
    done = subprocess.run([binary("promtool"), "test", "rules", path], capture_output=True, text=True, check=False)
    rows = _ROW.findall(done.stdout + done.stderr)
    assert [row[0] for row in rows] == [kind] * len(asked)
    return [float(row[1]) for row in rows]


def true(condition: str, kind: str) -> Headline:
    """Return what happened between the first and the last scrape of the window."""
    last = STARTED // 60 * 60 - 60 + EVALUATED_AT_S // STEP_S * STEP_S
    first = last - 90
    ended = [each for each in _ended(condition, kind) if first < each.at <= last]
    seconds = sorted(each.seconds for each in ended)
    failed = sum(each.failed for each in ended)
    return Headline(failed / len(ended), seconds[ceil(0.95 * len(ended)) - 1], len(ended) / (last - first))


def _ended(condition: str, kind: str) -> list[Ended]:
    traces = [event for event in happened(condition) if event["kind"] == "trace"]
    if kind == TRACED:
        return [
            Ended(each["end_time"], each["end_time"] - each["start_time"], each["status"] != "success")
            for each in traces
        ]
    return [
        Ended(span["end_time"], span["end_time"] - span["start_time"], each["status"] != "success")
        for each in traces
        for span in each["spans"]
        if span["layer"] == "ai_api"
    ]


def bucket(seconds: float) -> int:
    return bisect_left(LATENCY_BUCKETS, seconds)


def colour(failed: float) -> str:
    return str([step["color"] for step in FAILED if step["value"] is None or failed >= step["value"]][-1])


@pytest.mark.parametrize("kind", [TRACED, UNTRACED])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_headline_is_what_the_requests_did(condition: str, kind: str, tmp_path: Path) -> None:
    found, expected = shown(condition, kind, tmp_path), true(condition, kind)
    assert found.failed == pytest.approx(expected.failed, abs=0.02)
    assert found.rate == pytest.approx(expected.rate, rel=0.05)
    assert bucket(found.p95) == bucket(expected.p95)


@pytest.mark.parametrize(
    ("condition", "expected"), [("calm", colours.GOOD), ("kimi and glm out", colours.BAD)], ids=["calm", "outage"]
)
def test_the_headline_is_red_when_the_providers_are_out(condition: str, expected: str, tmp_path: Path) -> None:
    assert colour(shown(condition, TRACED, tmp_path).failed) == expected
