"""What the rules record of a simulated gateway: the means of some minutes, calm and in each incident of the past.

The demo goes through the exporter's fold; promtool evaluates the shipped rules over the series.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import yaml

from exporter import conventions as series
from exporter import recordings
from exporter.alerts.replaying.folding import STEP_S, Scrapes, with_constants
from exporter.demo.incidents import Schedule
from exporter.demo.levels import Alert, Level, Levels
from exporter.demo.past import CALM, episodes
from exporter.demo.traffic import Traffic
from exporter.prices import table
from exporter.settings import Settings
from exporter.thresholds import effective, shipped

HERE = Path(__file__).resolve().parent
CONFIG = HERE.parent / "config"

CONSTANTS = r"band:exai_band_deviation:floor|connection_type:exai_slo_objective:ratio|subject:exai_threshold:enabled"
MEASURED = r".+:(.+_)?(rate|increase)[125]m|subject:exai_band:input|service:exai_service_state:code"
"""What the rules record of five minutes at most: for what looks back further, a simulation is too short."""

_RATE = 20.0
_STARTED = 1_767_225_600.0
_LASTS_MIN = 12
_WARM_MIN = 6
_ROW = re.compile(r'(\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\}) (\S+?)(?:,|$)')
_ALERT = re.compile(r"^ +Labels:(\{.+\})\n +Annotations:(\{.+\})", re.MULTILINE)
_LABEL = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*")')

Labels = tuple[tuple[str, str], ...]
Simulated = list[dict[str, str]]
"""The series of a simulation, as promtool's test files write them."""


def measure() -> Levels:
    """Simulates each condition, and has promtool say what is recorded and what fires."""
    conditions = (CALM, *(one.incident for one in episodes(0)))
    simulated = {condition: _simulated(condition) for condition in conditions}
    means = {condition: _means(simulated[condition]) for condition in conditions}
    calm = {labels for labels, _ in means[CALM] if dict(labels)["__name__"] == "ALERTS"}
    alerts = {
        condition: tuple(_alerts(simulated[condition], {labels for labels, _ in means[condition]} - calm))
        for condition in conditions[1:]
    }
    constants = _levels({CALM: means[CALM]}, CONSTANTS)
    return Levels(_RATE, tuple(filter(_is_wanted, constants)), tuple(_levels(means, MEASURED)), alerts)


def _is_wanted(constant: Level) -> bool:
    return constant.labels.get("name", "band_deviations") == "band_deviations"


def _simulated(condition: str) -> Simulated:
    schedule = Schedule(() if condition == CALM else (condition,), after_s=0, for_s=_LASTS_MIN * 60)
    traffic = Traffic(Random(1), _STARTED, _RATE, schedule.conditions)  # noqa: S311
    ended = _STARTED + _LASTS_MIN * 60
    events = recordings.by_time(
        recordings.events_of((json.dumps(event).encode() for event in traffic.until(ended)), lambda: ended)
    )
    scrapes = Scrapes(events, Settings())
    history = with_constants(scrapes.history, effective.settings(shipped.read(CONFIG / "thresholds.yml")))
    for name, dollars in _prices():
        history.tell(0, name, dollars)
    return list(history.written(scrapes.steps))


def _prices() -> Iterator[tuple[str, str]]:
    family = series.TOKEN_PRICE
    for model, kind, dollars in table.per_token(table.read(CONFIG / "prices.yml")):
        labels = ",".join(f'{name}="{value}"' for name, value in zip(family.labels, (model, kind), strict=True))
        yield f"{family.name}{{{labels}}}", repr(dollars)


def _means(simulated: Simulated) -> list[tuple[Labels, float]]:
    """The mean of each series that is recorded once the simulation has warmed up, and 1 for each alert that fires."""
    recorded_names = f'__name__=~"{CONSTANTS}|{MEASURED}", __name__!~".+_burn:.+"'
    asked = f'{{{recorded_names}}} or ALERTS{{alertstate="firing"}}'
    minutes = range(_WARM_MIN, _LASTS_MIN + 1)
    said = _promtool(simulated, promql_expr_test=[{"expr": asked, "eval_time": f"{minute}m"} for minute in minutes])
    found: dict[Labels, list[float]] = {}
    for labels, value in _ROW.findall(said):
        found.setdefault(_labels(labels), []).append(float(value))
    return [(labels, fmean(values)) for labels, values in sorted(found.items())]


def _levels(means: Mapping[str, Iterable[tuple[Labels, float]]], wanted: str) -> Iterator[Level]:
    values: dict[Labels, dict[str, float]] = {}
    for condition, found in means.items():
        for labels, mean in found:
            values.setdefault(labels, {})[condition] = float(f"{mean:.4g}")
    for labels, by_condition in sorted(values.items()):
        told = dict(labels)
        if re.fullmatch(wanted, name := told.pop("__name__")):
            yield Level(name, told, by_condition)


def _alerts(simulated: Simulated, firing: set[Labels]) -> Iterator[Alert]:
    """The alerts among what fires, with their texts at the end."""
    fired = [dict(labels) for labels in firing if dict(labels)["__name__"] == "ALERTS"]
    names = sorted({labels["alertname"] for labels in fired})
    asked = [{"alertname": name, "eval_time": f"{_LASTS_MIN}m", "exp_alerts": []} for name in names]
    said = _promtool(simulated, alert_rule_test=asked)
    for line, texts in _ALERT.findall(said):
        labels = dict(_labels(line))
        if any(labels.items() <= one.items() for one in fired):
            yield Alert(labels, dict(_labels(texts)))


def _promtool(simulated: Simulated, **asked: Any) -> str:
    """What promtool's test engine complains of when it is told to expect nothing."""
    rules = sorted((HERE / "rules").glob("*.yml"))
    document = {
        "rule_files": [str(path) for path in rules],
        "evaluation_interval": "1m",
        "group_eval_order": _order(rules),
        "tests": [{"interval": f"{STEP_S}s", "input_series": simulated, **asked}],
    }
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump(document, file)
        file.flush()
        done = subprocess.run(("promtool", "test", "rules", file.name), capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _order(rules: Iterable[Path]) -> list[str]:
    """The groups; those of 5 minutes come first, so that what they add up of a minute each is five, not six."""
    groups = [group for path in rules for group in yaml.safe_load(path.read_text())["groups"]]
    return [group["name"] for group in sorted(groups, key=lambda group: group.get("interval") != "5m")]


def _labels(text: str) -> Labels:
    return tuple(sorted((name, json.loads(value)) for name, value in _LABEL.findall(text)))
