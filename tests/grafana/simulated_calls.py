"""The model calls of a simulated gateway, and what Prometheus' engine makes of the series of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from exporter import conventions as series
from exporter.decode.canonical import decode
from exporter.demo.conditions import RATE_LIMITED
from exporter.demo.incidents import Schedule
from exporter.demo.shapes import DurationEvent
from exporter.demo.traffic import Traffic
from exporter.expose.exposition import Format, render
from exporter.fold.apply import Fold
from exporter.fold.state import State
from exporter.types import Batch
from tests.grafana.shipped import Target, targets
from tests.prometheus.test_promtool import promtool
from tests.servers import ROOT

RATE, STEP_S, STEPS = 20, 15, 28
EVALUATED_S = STEPS * STEP_S + 7
"""Seconds after the first sample, between two samples: no sample lies on the edge of a window."""

INCIDENTS = ("calm", "error-burst", "slow-kimi")

_STARTED = 1_780_000_000
_FAMILIES = (series.TOKEN_USAGE, series.OPERATION_DURATION, series.ESTIMATE_ACCURACY, series.TIMEOUT_OUTCOMES)


@dataclass(frozen=True)
class Run:
    """The calls of an incident by step, and the samples of each series."""

    calls: Sequence[Sequence[DurationEvent]]
    samples: dict[str, list[str]]

    def within(self, window_s: int, model: str = "") -> list[DurationEvent]:
        """Return the calls between the first and the last sample of the window."""
        steps = self.calls[-(window_s // STEP_S - 1) :]
        return [call for step in steps for call in step if model in ("", call["model"])]


@cache
def run(incident: str) -> Run:
    """Simulate an incident, and fold the calls that their callers record."""
    names = [] if incident == "calm" else [incident]
    traffic = Traffic(Random(7), _STARTED, RATE, Schedule(names, 0, 1e9).conditions)
    fold, calls, samples = Fold(State()), [], {}
    for step in range(STEPS + 1):
        now = _STARTED + step * STEP_S
        told = [event for event in traffic.until(now) if event["kind"] == "duration"]
        calls.append([_used(event) for event in told])
        fold.apply(Batch("demo", decode(json.dumps(told).encode(), now, most=10**6).events, received=now))
        for name, value in _exposed(fold.state):
            samples.setdefault(name, ["_"] * step).append(value)
    return Run(calls, samples)


def expression(title: str, legend: str = "", part: int = 0, **chosen: str) -> str:
    """Return what a panel asks: its query of that legend, or the one at the place `part`."""
    asked = [each for each in targets() if each.panel["title"] == title]
    target = next((each for each in asked if legend and each.json["legendFormat"] == legend), asked[part])
    assert isinstance(target, Target)
    return target.expression(chosen, rate_interval="1m", range="5m")


def evaluate(home: Path, rules: str, samples: dict[str, list[str]], tests: Sequence[dict[str, Any]]) -> None:
    """Pass if the queries give what is wanted at the end of the samples, with the rules of a shipped file."""
    case = {
        "interval": f"{STEP_S}s",
        "input_series": [{"series": name, "values": " ".join(values)} for name, values in samples.items()],
        "promql_expr_test": [{"eval_time": f"{EVALUATED_S}s", **test} for test in tests],
    }
    file, rule_file = home / "case.yml", str(ROOT / "prometheus/rules" / rules)
    file.write_text(yaml.safe_dump({"rule_files": [rule_file], "evaluation_interval": "1s", "tests": [case]}))
    promtool("test", "rules", file)


def sample(value: float, **labels: str) -> dict[str, Any]:
    """Return a sample that is wanted."""
    return {"labels": f"{{{', '.join(f'{name}={json.dumps(text)}' for name, text in labels.items())}}}", "value": value}


def _used(event: DurationEvent) -> DurationEvent:
    """Return the call with the tokens that it used: one that is refused reads no prompt."""
    return {**event, "prompt_tokens": 0} if event.get("error") == RATE_LIMITED else event


def _exposed(state: State) -> Iterator[tuple[str, str]]:
    for family in _FAMILIES:
        for child in state.families[family.name].children.values() if family.name in state.families else ():
            for line in render(family, child, Format.TEXT).splitlines():
                name, _, value = line.rpartition(" ")
                yield name, value
