"""`alerts replay` says which alerts a recorded day would have raised."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from exporter.alerts.commands import alerts
from exporter.alerts.replaying.history import History
from exporter.alerts.replaying.intervals import Fired, intervals
from exporter.demo.incidents import Schedule
from exporter.demo.traffic import Traffic
from tests.servers import ROOT

STARTED = 1_780_000_020.0
"""20:27:00 on a day in May."""


def replayed(path: Path, *options: str) -> Result:
    return CliRunner().invoke(alerts, ["replay", *options, str(path)])


def fired(path: Path) -> list[dict[str, Any]]:
    done = replayed(path, "--json")
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.output)["fired"]
    return found


def recorded(tmp_path: Path, events: Iterable[Any]) -> Path:
    path = tmp_path / "trace.ndjson"
    path.write_text("\n".join(json.dumps(event) for event in events))
    return path


def happened(traffic: Traffic, minutes: int) -> list[Any]:
    """Return the events of some minutes, without the gauges of sockets: the demo's breaker trips for seconds."""
    return [event for event in traffic.until(STARTED + minutes * 60) if event.get("subject") != "websocket"]


def day(*incidents: str, minutes: int = 30) -> list[Any]:
    """Calm, an incident from the 10th to the 15th minute, and calm again."""
    return happened(Traffic(Random(5), STARTED, 3, Schedule(incidents, 600, 300).conditions), minutes)


def test_a_calm_day_raises_nothing(tmp_path: Path) -> None:
    done = replayed(recorded(tmp_path, day(minutes=10)))
    assert done.exit_code == 0
    assert "from 2026-05-28T20:26Z to 2026-05-28T20:37Z" in done.output
    assert done.output.endswith("no alert fires\n")


def busier_day() -> list[Any]:
    """A calm day whose traffic triples in the 10th minute, with everything else the same."""
    return happened(Traffic(Random(5), STARTED, 3, rhythm=lambda at: 3 if at >= STARTED + 600 else 1), 25)


def test_three_times_the_traffic_raises_nothing(tmp_path: Path) -> None:
    assert fired(recorded(tmp_path, busier_day())) == []


def test_a_value_for_load_is_compared_with_once_the_load_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = yaml.safe_load((ROOT / "config/thresholds.yml").read_text())
    following = {"service": "redis", "value": 0.5, "per_rate": [{"above": 10, "value": 0.0001}]}
    document["response_p95_seconds"]["overrides"].append(following)
    (tmp_path / "thresholds.yml").write_text(yaml.safe_dump(document))
    monkeypatch.setenv("EXAI_THRESHOLDS_FILE", str(tmp_path / "thresholds.yml"))
    (slow,) = fired(recorded(tmp_path, busier_day()))
    assert (slow["alert"], slow["labels"]["service"]) == ("ExaiConnectionResponseSlow", "redis")
    assert "2026-05-28T20:37Z" < slow["from"] <= "2026-05-28T20:42Z"


def test_an_incident_raises_its_alerts_at_its_time(tmp_path: Path) -> None:
    found = fired(recorded(tmp_path, day("redis-down")))
    ratio = [each for each in found if each["alert"] == "ExaiConnectionErrorRatioHigh"]
    assert {(each["labels"]["severity"], each["labels"]["service"]) for each in ratio} == {
        ("warning", "redis"),
        ("critical", "redis"),
    }
    # The incident lasts from 20:37 to 20:42, and the rates of 2 minutes remember it for a while.
    assert {each["from"] for each in ratio} <= {"2026-05-28T20:38Z", "2026-05-28T20:39Z"}
    assert all("2026-05-28T20:42Z" < each["to"] <= "2026-05-28T20:45Z" for each in ratio)
    names = {each["alert"] for each in found}
    assert names == {"ExaiConnectionErrorRatioHigh", "ExaiCacheErrorRatioHigh", "ExaiSloAvailabilityBurn"}


def calls(error: str) -> list[dict[str, Any]]:
    """Ten minutes of model calls, of which every tenth fails with that error, and no other event."""
    call = {"kind": "duration", "model": "kimi-k2", "provider": "kimi", "duration_ms": 900.0}
    failed = {"outcome": "error", "error": error}
    return [{**call, "timestamp": STARTED + at, **(failed if at % 10 == 0 else {})} for at in range(600)]


def test_refused_model_calls_alone_raise_the_alert_of_their_provider(tmp_path: Path) -> None:
    (limited,) = fired(recorded(tmp_path, calls("Error code: 429 - {'error': {'type': 'engine_overloaded_error'}}")))
    assert (limited["alert"], limited["labels"]["provider"]) == ("ExaiProviderRateLimited", "kimi")
    assert fired(recorded(tmp_path, calls("Error code: 400 - 429 ms elapsed"))) == []


def test_the_order_of_the_lines_is_of_no_matter(tmp_path: Path) -> None:
    events = day("error-burst")
    straight = fired(recorded(tmp_path, events))
    assert straight
    assert fired(recorded(tmp_path, Random(1).sample(events, len(events)))) == straight


def test_an_alert_that_fires_at_the_end_has_not_ended(tmp_path: Path) -> None:
    done = replayed(recorded(tmp_path, day("redis-down", minutes=14)))
    assert "not ended" in done.output


def test_thresholds_that_hold_now_are_compared_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = recorded(tmp_path, day("redis-down"))
    text = (ROOT / "config/thresholds.yml").read_text()
    thresholds = tmp_path / "thresholds.yml"
    thresholds.write_text(text.replace("connection_error_ratio:\n", "connection_error_ratio:\n  enabled: false\n"))
    monkeypatch.setenv("EXAI_THRESHOLDS_FILE", str(thresholds))
    severities = {each["labels"]["severity"] for each in fired(path) if each["alert"] == "ExaiConnectionErrorRatioHigh"}
    assert severities == {"critical"}


def test_members_of_the_gateways_redis_are_events_too(tmp_path: Path) -> None:
    done = replayed(ROOT / "tests/data/connection_monitor_redis.jsonl")
    assert done.exit_code == 0, done.output
    assert " events from " in done.output


def test_a_line_that_is_no_event_is_named(tmp_path: Path) -> None:
    events = day(minutes=1)
    done = replayed(recorded(tmp_path, [*events, {"kind": "connection", "connection_type": 7}]))
    assert done.exit_code == 1
    assert f"line {len(events) + 1}:" in done.output


def test_an_empty_trace_is_refused(tmp_path: Path) -> None:
    done = replayed(recorded(tmp_path, []))
    assert done.exit_code == 1
    assert "there is no event in it" in done.output


def test_without_promtool_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = replayed(recorded(tmp_path, day(minutes=1)))
    assert done.exit_code == 1
    assert "promtool is not installed" in done.output


def test_moments_become_spans() -> None:
    one, other = (("alertname", "A"),), (("alertname", "B"),)
    seen = [(60, [one]), (120, [one, other]), (240, [one]), (300, [other])]
    assert intervals(seen, 60, 300) == [
        Fired({"alertname": "A"}, 60, 180),
        Fired({"alertname": "B"}, 120, 180),
        Fired({"alertname": "A"}, 240, 300),
        Fired({"alertname": "B"}, 300, None),
    ]


def test_values_are_written_by_the_run() -> None:
    history = History()
    for step, value in ((2, "1"), (3, "1"), (5, "2")):
        history.tell(step, "a", value)
    history.end(6, "a")
    history.tell(9, "a", "3")
    history.end(10, "a")
    assert list(history.written(12)) == [{"series": "a", "values": "_x1 1x2 2x0 stale _x1 3x0 stale _x0"}]
