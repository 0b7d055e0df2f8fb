"""promtool's test engine as a machine that says which alerts fire when.

It is asked for ALERTS at each step and told to expect none: what it complains of is what fires.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_ASKED = 'ALERTS{alertstate="firing", alertname!="Watchdog"}'
_ROW = re.compile(r'\{__name__="ALERTS"(?:[^"}]|"(?:[^"\\]|\\.)*")*\}')
_LABEL = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*")')
_AT = re.compile(r'^    expr: "ALERTS.*", time: (\S+),$')
_LENGTH = re.compile(r"(\d+)(ms|[smhdwy])")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}

Labels = tuple[tuple[str, str], ...]
"""The labels of an alert, by name."""


class EngineError(RuntimeError):
    """promtool is missing, or cannot evaluate the rules."""


@dataclass(frozen=True, slots=True)
class Play:
    """Series for the rules: samples every `interval_s` from 0 on, evaluated every `every_s` seconds.

    Alerts are asked for from `since_s` to `until_s`.
    """

    series: Iterable[Mapping[str, str]]
    interval_s: float
    every_s: int
    until_s: int
    since_s: int = 0


def firing(play: Play, rules: Sequence[Path]) -> list[tuple[int, list[Labels]]]:
    """The alerts that fire at each second that was asked for, where any does.

    Raises:
        EngineError: there is no promtool, or it finds a fault in the rules or the series.
    """
    if shutil.which("promtool") is None:
        raise EngineError("promtool is not installed: it comes with Prometheus, and evaluates the rules")
    with tempfile.TemporaryDirectory(prefix="exai-replay-") as directory:
        file = Path(directory) / "test.yml"
        file.write_text(json.dumps(_document(play, rules)), encoding="utf-8")
        command = ["promtool", "test", "rules", str(file)]
        environ = {**os.environ, "TMPDIR": directory}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    found = list(_complaints(done.stdout + done.stderr))
    if done.returncode != bool(found):
        raise EngineError(f"promtool ended with status {done.returncode}: was there too little memory?")
    return found


def _document(play: Play, rules: Sequence[Path]) -> dict[str, Any]:
    times = range(play.since_s, play.until_s + 1, play.every_s)
    return {
        "rule_files": [str(path.resolve()) for path in rules],
        "evaluation_interval": f"{play.every_s}s",
        "group_eval_order": _order(rules),
        "tests": [
            {
                "interval": f"{round(play.interval_s * 1000)}ms",
                "input_series": list(play.series),
                "promql_expr_test": [{"expr": _ASKED, "eval_time": f"{time}s"} for time in times],
            }
        ],
    }


def _order(rules: Sequence[Path]) -> list[str]:
    """Groups that only record go before those that judge by it."""
    groups = [group for path in rules for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
    judging = {group["name"]: any("alert" in rule for rule in group["rules"]) for group in groups}
    return sorted(judging, key=lambda name: judging[name])


def _complaints(output: str) -> Iterator[tuple[int, list[Labels]]]:
    """Reads promtool's report; what it says of anything but ALERTS is a fault."""
    at = None
    for line in output.splitlines():
        asked = _AT.match(line)
        if asked:
            at = round(sum(int(number) * _SECONDS[unit] for number, unit in _LENGTH.findall(asked[1])))
        elif line.startswith("        got: ") and at is not None:
            yield at, [_labels(row) for row in _ROW.findall(line)]
        elif line.strip() not in _KNOWN and not line.startswith(("Unit Testing:", "        exp: nil")):
            raise EngineError(f"promtool: {line.strip()}")


_KNOWN = {"", "FAILED:", "SUCCESS"}


def _labels(row: str) -> Labels:
    found = {name: json.loads(value) for name, value in _LABEL.findall(row)}
    return tuple(sorted((name, value) for name, value in found.items() if name not in ("__name__", "alertstate")))
