"""config/thresholds.yml: what is shipped, what is refused and why, and what holds for whom."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.alerts.catalogue import read_alerts
from exporter.thresholds.effective import EVERYBODY, settings
from exporter.thresholds.overlay import Change
from exporter.thresholds.shipped import Step, read
from exporter.types import Refused
from tests.promql import alerts, known_names, rules, series_names
from tests.servers import ROOT

SHIPPED = ROOT / "config/thresholds.yml"
THRESHOLDS = read(SHIPPED)
GOOD: dict[str, Any] = {"value": 0.5, "unit": "ratio", "severity": "warning", "series": "up", "note": "n"}
FOR_SERVICES = {**GOOD, "scope": {"service": "connection_type"}}
build = runpy.run_path(str(ROOT / "prometheus/build.py"))


def following(steps: list[dict[str, float]]) -> dict[str, Any]:
    """Return a file with a threshold that follows the load of one service."""
    return {"x": {**FOR_SERVICES, "rate": "up", "overrides": [{"service": "a", "value": 0.05, "per_rate": steps}]}}


BAD: dict[str, tuple[Any, str, str]] = {
    "no-mapping": ([GOOD], "", "is not a mapping of names to thresholds"),
    "nothing": (None, "", "is not a mapping of names to thresholds"),
    "name": ({"A b": GOOD}, "A b", "a name is lower case letters, digits and underscores"),
    "no-value": ({"x": {"unit": "ratio"}}, "x.value", "missing required field `value`"),
    "text": ({"x": {**GOOD, "value": "0.5"}}, "x.value", "Expected `float`, got `str`"),
    "yes": ({"x": {**GOOD, "value": True}}, "x.value", "Expected `float`, got `bool`"),
    "negative": ({"x": {**GOOD, "value": -1}}, "x.value", "Expected `float` >= 0.0"),
    "not-a-number": ({"x": {**GOOD, "value": float("nan")}}, "x.value", "Expected `float` >= 0.0"),
    "endless": ({"x": {**GOOD, "value": float("inf")}}, "x.value", "Expected `float` <= 1000000000000000.0"),
    "percent": ({"x": {**GOOD, "value": 5}}, "x.value", "5 is above 1: 5 % is written 0.05"),
    "unit": ({"x": {**GOOD, "unit": "percent"}}, "x.unit", "Invalid enum value 'percent'"),
    "severity": ({"x": {**GOOD, "severity": "page"}}, "x.severity", "Invalid enum value 'page'"),
    "enabled": ({"x": {**GOOD, "enabled": "no"}}, "x.enabled", "Expected `bool`, got `str`"),
    "unknown-key": ({"x": {**GOOD, "vaule": 1}}, "x.vaule", "unknown field"),
    "scope": ({"x": {**GOOD, "scope": {"tool": "tool"}}}, "x", "Invalid enum value 'tool' - at `key` in `$.scope`"),
    "override-of-nobody": ({"x": {**FOR_SERVICES, "overrides": [{"value": 1}]}}, "x.overrides[0].service",
                           "an override says for whom it is"),
    "override-twice": (
        {"x": {**FOR_SERVICES, "overrides": [{"service": "a", "value": 0}, {"service": "a", "value": 1}]}},
        "x.overrides[1].service", "this subject is overridden twice",
    ),
    "override-out-of-scope": (
        {"x": {**FOR_SERVICES, "overrides": [{"model": "k2", "value": 1}]}},
        "x.overrides[0].model", "x is told apart by service, not by model",
    ),
    "override-in-percent": (
        {"x": {**FOR_SERVICES, "overrides": [{"service": "a", "value": 20}]}},
        "x.overrides[0].value", "20 is above 1: 5 % is written 0.05",
    ),
    "override-unknown-key": (
        {"x": {**FOR_SERVICES, "overrides": [{"service": "a", "valeu": 1}]}}, "x.overrides[0].valeu",
        "unknown field",
    ),
    "override-unprintable": (
        {"x": {**FOR_SERVICES, "overrides": [{"service": "a\n", "value": 1}]}}, "x.overrides[0].service",
        "'a\\n' is not printable",
    ),
    "load-without-a-rate": (
        {"x": {**FOR_SERVICES, "overrides": [{"service": "a", "per_rate": [{"above": 1, "value": 0}]}]}},
        "x.overrides[0].per_rate", "x cannot follow load: it has no rate",
    ),
    "load-not-ascending": (
        following([{"above": 10, "value": 0.1}, {"above": 10, "value": 0.2}]), "x.overrides[0].per_rate[1].above",
        "must be greater than that of the step before",
    ),
    "load-of-nothing": (
        following([{"above": 0, "value": 0.1}]), "x.overrides[0].per_rate[0].above", "Expected `float` > 0.0",
    ),
    "load-in-percent": (
        following([{"above": 10, "value": 8}]), "x.overrides[0].per_rate[0].value", "8 is above 1: 5 % is written 0.05",
    ),
    "load-without-a-value": (
        following([{"above": 10}]), "x.overrides[0].per_rate[0].value", "missing required field `value`",
    ),
    "load-too-many-steps": (
        following([{"above": number, "value": 0.1} for number in range(1, 12)]), "x.overrides[0].per_rate",
        "Expected `array` of length <= 10",
    ),
    "load-of-all": ({"x": {**GOOD, "per_rate": [{"above": 10, "value": 0.1}]}}, "x.per_rate", "unknown field"),
}  # fmt: skip


def written(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "thresholds.yml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("fault", BAD)
def test_each_fault_names_its_field(tmp_path: Path, fault: str) -> None:
    content, field, message = BAD[fault]
    with pytest.raises(Refused) as refused:
        read(written(tmp_path, content))
    assert refused.value.field == field
    assert message in str(refused.value)


@pytest.mark.parametrize("text", ["a: [", "\t", "!!python/object:os.system {}"])
def test_a_file_that_is_no_yaml_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(Refused, match=r"thresholds\.yml cannot be read: "):
        read(written(tmp_path, text))


def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    one = yaml.safe_dump({"x": GOOD})
    with pytest.raises(Refused, match="x comes twice"):
        read(written(tmp_path, one + one))


def test_an_override_is_the_default_where_it_says_nothing(tmp_path: Path) -> None:
    overrides = [{"service": "kimi", "enabled": False}, {"service": "glm", "value": 0.25}]
    found = settings(read(written(tmp_path, {"x": {**FOR_SERVICES, "overrides": overrides}})))
    assert {key[1][0]: (held.value, held.enabled) for key, held in found.items()} == {
        "": (0.5, True), "kimi": (0.5, False), "glm": (0.25, True),
    }  # fmt: skip


def test_a_value_alone_holds_at_every_rate_and_a_switch_keeps_the_steps(tmp_path: Path) -> None:
    shipped = read(written(tmp_path, following([{"above": 10, "value": 0.08}])))
    key = ("x", ("a", "", "", ""))
    step = Step(above=10, value=0.08)
    assert (settings(shipped)[key].value, settings(shipped)[key].per_rate) == (0.05, (step,))
    assert settings(shipped)["x", EVERYBODY].per_rate == ()
    off = settings(shipped, [Change(name="x", service="a", enabled=False)])[key]
    assert (off.enabled, off.per_rate) == (False, (step,))
    raised = settings(shipped, [Change(name="x", service="a", value=0.3)])[key]
    assert (raised.value, raised.per_rate) == (0.3, ())
    both = settings(shipped, [Change(name="x", service="a", value=0.06, per_rate=(step,))])[key]
    assert (both.value, both.per_rate) == (0.06, (step,))


def test_a_change_goes_before_the_file_and_a_changed_default_reaches_the_overrides(tmp_path: Path) -> None:
    shipped = read(written(tmp_path, {"x": {**FOR_SERVICES, "overrides": [{"service": "kimi", "value": 0.1}]}}))
    changes = (Change(name="x", enabled=False), Change(name="x", service="kimi", enabled=True))
    found = settings(shipped, changes)
    assert (found["x", EVERYBODY].value, found["x", EVERYBODY].enabled) == (0.5, False)
    kimi = found["x", ("kimi", "", "", "")]
    assert (kimi.value, kimi.enabled) == (0.1, True)


def test_a_change_of_what_is_not_shipped_any_more_counts_for_nothing(tmp_path: Path) -> None:
    shipped = read(written(tmp_path, {"x": GOOD}))
    changes = (Change(name="gone", value=1), Change(name="x", service="kimi", value=1))
    assert list(settings(shipped, changes)) == [("x", EVERYBODY)]


def test_the_rules_made_of_the_shipped_files_have_not_drifted() -> None:
    assert build["drifted"]() == []


@pytest.mark.parametrize("name", THRESHOLDS)
def test_a_shipped_threshold_is_compared_with_the_series_that_it_names_by_alerts_of_its_severity(name: str) -> None:
    using = [rule["expr"] for rule in rules() if f'subject:exai_threshold:resolved{{name="{name}"}}' in rule["expr"]]
    severities = {alert.severity for alert in read_alerts() if name in alert.thresholds}
    assert severities == {THRESHOLDS[name].severity}
    assert series_names(THRESHOLDS[name].series) <= known_names()
    assert series_names(THRESHOLDS[name].rate or "up") <= known_names()
    assert all(series_names(THRESHOLDS[name].series) <= series_names(expression) for expression in using)


@pytest.mark.parametrize("name", ["ExaiThresholdsMissing", "ExaiThresholdsInvalid", "ExaiExporterDown"])
def test_what_tells_of_missing_thresholds_needs_none(name: str) -> None:
    for alert in alerts():
        if alert["alert"] == name:
            assert ":resolved" not in alert["expr"]


def test_every_threshold_that_a_rule_compares_with_is_shipped_and_missed_when_it_is_not_there() -> None:
    used = {name for rule in rules() for name in re.findall(r':resolved\{name="(\w+)"', rule["expr"])}
    (missing,) = [alert["expr"] for alert in alerts() if alert["alert"] == "ExaiThresholdsMissing"]
    assert used == set(THRESHOLDS) == set(re.findall(r'absent\(\S+\{name="(\w+)"\}\)', missing))


def test_check_config_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    file = tmp_path / "thresholds.yml"
    file.write_text("cpu_ratio: {value: five}")
    environment = {**os.environ, "EXAI_THRESHOLDS_FILE": str(file)}
    done = subprocess.run(
        [sys.executable, "-m", "exporter", "check-config"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.startswith(f"Error: {file}: cpu_ratio")) == (1, True), done.stderr
