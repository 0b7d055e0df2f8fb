"""`alerts list` and `alerts explain` tell what the rule files say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from exporter.alerts.commands import alerts
from tests.promql import alerts as rules
from tests.servers import ROOT

NAMES = sorted({rule["alert"] for rule in rules()})


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAI_STATE_DIR", str(tmp_path))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(alerts, arguments)


def test_every_alert_is_listed_with_its_thresholds() -> None:
    listed = json.loads(run("list", "--json").output)
    assert len(listed) == len(rules())
    assert sorted({each["name"] for each in listed}) == NAMES
    thresholds = {each["name"]: each["thresholds"] for each in listed}
    assert thresholds["ExaiProviderDown"] == ["provider_error_ratio"]
    assert thresholds["Watchdog"] == []


def test_a_threshold_behind_a_recorded_series_counts() -> None:
    listed = json.loads(run("list", "--json").output)
    assert next(each["thresholds"] for each in listed if each["name"] == "ExaiBandLeft") == [
        "band_seconds",
        "band_deviations",
    ]


def test_the_table_has_a_line_for_each_alert() -> None:
    title, *lines = run("list").output.splitlines()
    assert title.split() == ["alert", "severity", "category", "group", "thresholds", "summary"]
    assert len(lines) == len(rules())


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_is_explained(name: str) -> None:
    done = run("explain", name)
    assert done.exit_code == 0, done.output
    for rule in (rule for rule in rules() if rule["alert"] == name):
        assert all(line in done.output for line in rule["expr"].strip().splitlines())
        assert f"runbook: /runbooks/{name}" in done.output
    assert "## How to mend" in done.output
    assert "promtool test rules prometheus/tests/" in done.output


def test_the_thresholds_are_told_as_they_are_now(tmp_path: Path) -> None:
    assert "    source_lag_seconds: 60\n" in run("explain", "ExaiSourceStale").output
    change = {"name": "source_lag_seconds", "value": 90, "enabled": False, "at": "", "who": "mia"}
    (tmp_path / "thresholds.json").write_text(json.dumps({"changes": [change]}))
    assert "    source_lag_seconds: 90 (switched off)\n" in run("explain", "ExaiSourceStale").output


def test_an_override_is_told_with_its_subject() -> None:
    assert "    response_p95_seconds of kimi: 45\n" in run("explain", "exaiconnectionresponseslow").output


def test_the_values_under_load_are_told(tmp_path: Path) -> None:
    steps = [{"above": 10, "value": 60}, {"above": 25.5, "value": 90}]
    change = {"name": "response_p95_seconds", "service": "kimi", "value": 45, "per_rate": steps}
    (tmp_path / "thresholds.json").write_text(json.dumps({"changes": [change]}))
    told = "    response_p95_seconds of kimi: 45, 60 above 10 operations/s, 90 above 25.5 operations/s\n"
    assert told in run("explain", "ExaiConnectionResponseSlow").output


def test_an_unknown_alert_is_answered_with_those_that_are_called_much_the_same() -> None:
    done = run("explain", "ExaiRedisDwon")
    assert done.exit_code == 1
    assert "there is no alert ExaiRedisDwon: did you mean ExaiRedisDown" in done.output
    assert "see `exai-exporter alerts list`" in run("explain", "zzz").output


def test_a_file_of_thresholds_with_a_fault_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "thresholds.yml"
    bad.write_text("a: 1\n")
    monkeypatch.setenv("EXAI_THRESHOLDS_FILE", str(bad))
    done = run("explain", "ExaiRedisDown")
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")


def test_the_pages_name_the_commands() -> None:
    text = (ROOT / "docs/alerts.md").read_text()
    assert all(f"alerts {command.name}" in text for command in alerts.commands.values() if command.name != "render")
