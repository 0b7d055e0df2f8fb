"""`exai-exporter timeouts`: recorded calls in, figures out."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from exporter.timeouts.commands import timeouts

Event = dict[str, Any]


def recorded(count: int = 400, model: str = "kimi-k2", seed: int = 1) -> list[Event]:
    chance = random.Random(seed)
    return [
        {
            "kind": "duration",
            "model": model,
            "duration_ms": 1000 * chance.lognormvariate(1, 0.5),
            "timestamp": 1_700_000_000 + 5 * place + chance.random(),
            "prompt_tokens": chance.randint(10, 8000),
            "completion_tokens": chance.randint(1, 500),
            "time_to_first_token_ms": chance.uniform(10, 900),
        }
        for place in range(count)
    ]


def written(directory: Path, events: list[Event], name: str = "trace.ndjson") -> str:
    path = directory / name
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return str(path)


def evaluated(directory: Path, events: list[Event], *options: str) -> Any:
    reply = CliRunner().invoke(timeouts, ["evaluate", written(directory, events), "--json", *options])
    assert reply.exit_code == 0, reply.output
    return json.loads(reply.stdout)


def test_the_figures_have_their_shape(tmp_path: Path) -> None:
    found = evaluated(tmp_path, [*recorded(), *recorded(200, "glm-4.6", 2)])
    assert set(found) == {"overall", "models"}
    assert set(found["models"]) == {"kimi-k2", "glm-4.6"}
    assert found["overall"]["events"] == 350 + 150
    figures = {"coverage", "mean_timeout_s", "p95_timeout_s", "pinball_s"}
    assert set(found["overall"]) == {"events", "baselines", *figures}
    assert set(found["overall"]["baselines"]) == {"static", "gateway", "rolling_p99", "hindsight"}
    assert all(figures <= set(baseline) for baseline in found["overall"]["baselines"].values())


def test_calls_that_are_told_twice_are_evaluated_once(tmp_path: Path) -> None:
    events = recorded()
    described = [
        {"connection_type": "glm", "direction": "receive", "timestamp": event["timestamp"],
         "response_time_ms": event["duration_ms"], "metadata": {"model": model, "tokens": 9}}
        for event in events for model in ("Kimi-K2-0905", "glm-4.6")
    ]  # fmt: skip
    found = evaluated(tmp_path, [*events, *described])
    assert found["models"]["kimi-k2"] == evaluated(tmp_path, events)["models"]["kimi-k2"]
    assert found["models"]["glm-4.6"]["events"] == len(events) - 50


def test_what_is_known_only_after_a_call_changes_nothing(tmp_path: Path) -> None:
    events, chance = recorded(), random.Random(9)
    for field in ("completion_tokens", "time_to_first_token_ms"):
        values = [event[field] for event in events]
        chance.shuffle(values)
        changed = [{**event, field: value} for event, value in zip(events, values, strict=True)]
        assert evaluated(tmp_path, changed) == evaluated(tmp_path, events)


def test_outcomes_and_durations_of_later_calls_change_nothing_before_them(tmp_path: Path) -> None:
    events = recorded()
    last = max(event["timestamp"] - event["duration_ms"] / 1000 for event in events)
    changed = [
        {**event, "outcome": "error"} if event["timestamp"] > last and event is not events[-1] else event
        for event in events
    ]
    whole, part = (evaluated(tmp_path, found) for found in (events, changed))
    hidden = whole["overall"]["events"] - part["overall"]["events"]
    assert evaluated(tmp_path, events[:-1])["overall"]["events"] == whole["overall"]["events"] - 1
    assert hidden == sum(event.get("outcome") == "error" for event in changed)


def test_calls_are_estimated_from_those_that_had_ended_when_they_started(tmp_path: Path) -> None:
    together = [{**event, "timestamp": 1_700_000_000 + event["duration_ms"] / 1000} for event in recorded(100)]
    found = evaluated(tmp_path, together, "--warmup", "0")
    assert found["overall"]["mean_timeout_s"] == pytest.approx(300.0)


def test_hung_and_failed_calls_leave_the_sums(tmp_path: Path) -> None:
    events = recorded()
    for place, outcome in ((100, "timeout"), (200, "error")):
        events[place] = {**events[place], "outcome": outcome}
    assert evaluated(tmp_path, events)["overall"]["events"] == 348


def test_the_order_of_the_lines_does_not_matter(tmp_path: Path) -> None:
    events = recorded()
    assert evaluated(tmp_path, events[::-1]) == evaluated(tmp_path, events)


def test_hindsight_is_the_best_constant(tmp_path: Path) -> None:
    events = recorded()
    found = evaluated(tmp_path, events, "--warmup", "0")["overall"]["baselines"]["hindsight"]
    durations = [event["duration_ms"] / 1000 for event in events]

    def loss(constant: float) -> float:
        return sum(max(0.99 * (d - constant), 0.01 * (constant - d)) for d in durations) / len(durations)

    assert found["pinball_s"] == pytest.approx(min(map(loss, durations)))
    assert found["coverage"] >= 0.99


def test_the_old_gateway_waits_for_its_base_at_least(tmp_path: Path) -> None:
    gateway = evaluated(tmp_path, recorded())["overall"]["baselines"]["gateway"]
    assert gateway["mean_timeout_s"] == 300.0


def test_a_trace_that_is_all_warmup_has_no_figures(tmp_path: Path) -> None:
    found = evaluated(tmp_path, recorded(20))
    assert found["overall"]["events"] == 0
    assert found["overall"]["coverage"] is None


def test_a_bad_line_is_named_with_its_field(tmp_path: Path) -> None:
    path = written(tmp_path, [recorded(1)[0], {"kind": "duration", "model": "m", "duration_ms": -1, "timestamp": 2e9}])
    Path(path).write_text("\n" + Path(path).read_text())
    reply = CliRunner().invoke(timeouts, ["evaluate", path])
    assert reply.exit_code == 1
    assert "line 3" in reply.output
    assert "duration_ms" in reply.output


def test_a_file_without_calls_is_said_to_be_one(tmp_path: Path) -> None:
    reply = CliRunner().invoke(timeouts, ["evaluate", written(tmp_path, [])])
    assert reply.exit_code == 1
    assert "no duration events" in reply.output


def test_the_table_names_every_model_and_baseline(tmp_path: Path) -> None:
    reply = CliRunner().invoke(timeouts, ["evaluate", written(tmp_path, recorded())])
    for word in ("kimi-k2", "overall", "static", "gateway", "rolling_p99", "hindsight"):
        assert word in reply.stdout


def test_a_plot_is_a_png(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    output = tmp_path / "out.png"
    reply = CliRunner().invoke(timeouts, ["plot", written(tmp_path, recorded()), "--output", str(output)])
    assert reply.exit_code == 0, reply.output
    assert output.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_without_pillow_a_plot_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    monkeypatch.delitem(__import__("sys").modules, "exporter.timeouts.picture", raising=False)
    reply = CliRunner().invoke(timeouts, ["plot", written(tmp_path, recorded(60)), "--output", str(tmp_path / "x.png")])
    assert reply.exit_code == 1
    assert "exai-exporter[plot]" in reply.output
