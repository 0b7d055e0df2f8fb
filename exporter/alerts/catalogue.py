"""The shipped alerts, as their rule files have them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from exporter import shipped_files

RULES = shipped_files.path("prometheus/rules")
RUNBOOKS = shipped_files.path("docs/runbooks")
UNIT_TESTS = shipped_files.path("prometheus/tests")

_THRESHOLD = re.compile(r'subject:exai_threshold:resolved\{name="(\w+)"\}')
_RECORDED = re.compile(r"\w+:\w+:\w+")


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule of an alert; a name may stand for several, one for each severity.

    `thresholds` names what it compares with, itself or in a series that it reads.
    """

    name: str
    group: str
    file: str
    expression: str
    wait: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    thresholds: tuple[str, ...]

    @property
    def severity(self) -> str:
        """info, warning or critical."""
        return self.labels["severity"]

    @property
    def category(self) -> str:
        """performance, reliability, capacity or anomaly."""
        return self.labels["category"]

    @property
    def runbook(self) -> str:
        """The text of its page, in Markdown."""
        return shipped_files.read(RUNBOOKS / f"{self.name}.md")

    @property
    def unit_tests(self) -> list[Path]:
        """The files of promtool tests that have it fire."""
        wanted = re.compile(rf"\balertname: {self.name}\b")
        files = shipped_files.matching(UNIT_TESTS, "*.yml")
        return [path for path in files if wanted.search(path.read_text(encoding="utf-8"))]


def read_alerts(directory: Path = RULES) -> list[Alert]:
    """Every alert of the rule files, by name.

    Raises:
        MissingFileError: the directory has no rule file.
    """
    rules = list(_rules(directory))
    recorded: dict[str, list[str]] = {}
    for _, _, rule in rules:
        recorded.setdefault(rule.get("record", ""), []).append(rule["expr"])
    found = [_alert(file, group, rule, recorded) for file, group, rule in rules if "alert" in rule]
    return sorted(found, key=lambda alert: alert.name)


def _rules(directory: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path in shipped_files.matching(directory, "*.yml"):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                yield path.name, group["name"], rule


def _alert(file: str, group: str, rule: dict[str, Any], recorded: Mapping[str, list[str]]) -> Alert:
    return Alert(
        name=rule["alert"],
        group=group,
        file=file,
        expression=rule["expr"].strip(),
        wait=str(rule.get("for", "0s")),
        labels=rule["labels"],
        annotations=rule["annotations"],
        thresholds=_thresholds(rule["expr"], recorded),
    )


def _thresholds(expression: str, recorded: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The names of the thresholds in an expression, and then of those in what it reads."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    waiting = [expression]
    while waiting:
        text = waiting.pop(0)
        found |= dict.fromkeys(_THRESHOLD.findall(text))
        names = set(_RECORDED.findall(_THRESHOLD.sub("", text))) - seen
        seen |= names
        waiting += [expression for name in sorted(names) for expression in recorded.get(name, ())]
    return tuple(found)
