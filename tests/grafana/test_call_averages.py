"""The averages of model calls say what the simulated calls cost, used and took, in calm and in incidents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.model_calls import MODELS
from exporter.demo.shapes import DurationEvent
from exporter.prices import table
from grafana.call_averages import ALL
from tests.grafana.shipped import targets
from tests.grafana.simulated_calls import INCIDENTS, STEPS, Run, evaluate, expression, run, sample
from tests.servers import ROOT

PANELS = ("Average cost of a call by model", "Average tokens of a call", "Output tokens a second by model")
PRICES = {(model, kind): dollars for model, kind, dollars in table.per_token(table.read(ROOT / "config/prices.yml"))}
RECORDED_BY_CALLER = [model.name for model in MODELS if model.instrumented]
RULES = "models.yml"


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def cost_of(call: DurationEvent) -> float:
    tokens = {"input": call["prompt_tokens"], "output": call["completion_tokens"]}
    return sum(count * PRICES[call["model"], kind] for kind, count in tokens.items())


def costs(calls: Sequence[DurationEvent]) -> list[float]:
    return [cost_of(call) for call in calls if call["prompt_tokens"]]


def output_speed(calls: Sequence[DurationEvent]) -> float:
    ended_well = [call for call in calls if call["outcome"] == "ok"]
    seconds = sum(call["duration_ms"] for call in ended_well) / 1000
    return sum(call["completion_tokens"] for call in ended_well) / seconds


def truths(of: Run) -> Iterator[tuple[str, str, dict[str, str], float]]:
    """Yield the panel, the legend of its query, the labels of a row, and what the row must show."""
    cost, tokens, speed = PANELS
    yield cost, ALL, {}, mean(costs(of.within(300)))
    minute = of.within(60)
    yield tokens, "input", {}, mean([call["prompt_tokens"] for call in minute if call["prompt_tokens"]])
    yield tokens, "output", {}, mean([call["completion_tokens"] for call in minute if call["completion_tokens"]])
    for model in RECORDED_BY_CALLER:
        row, legend = {"gen_ai_request_model": model}, "{{gen_ai_request_model}}"
        yield cost, legend, row, mean(costs(of.within(300, model)))
        yield speed, legend, row, output_speed(of.within(60, model))


def asked(title: str, legend: str, row: dict[str, str], truth: float) -> dict[str, Any]:
    """Return the test of a row: over the truth, it is 1.00."""
    shown = expression(title, legend, model=row.get("gen_ai_request_model", ".*"))
    return {"expr": f"round(({shown}) / {truth!r}, 0.01)", "exp_samples": [sample(1, **row)]}


def priced(samples: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the samples with those of the price list."""
    prices = {
        f'exai_token_price_dollars{{gen_ai_request_model="{model}",gen_ai_token_type="{kind}"}}': dollars
        for (model, kind), dollars in PRICES.items()
    }
    return {**samples, **{name: [f"{dollars!r}x{STEPS}"] for name, dollars in prices.items()}}


@pytest.mark.parametrize("incident", INCIDENTS)
def test_the_averages_are_those_of_the_calls_that_were_answered(incident: str, tmp_path: Path) -> None:
    of = run(incident)
    evaluate(tmp_path, RULES, priced(of.samples), [asked(*truth) for truth in truths(of)])


def test_refused_calls_would_move_the_averages_if_they_counted() -> None:
    calls = run("error-burst").within(300, "kimi-k2-0905-preview")
    assert mean(costs(calls)) > 2 * mean([cost_of(call) for call in calls])


def test_without_calls_there_is_no_average(tmp_path: Path) -> None:
    standing = {name: [values[-1]] * (STEPS + 1) for name, values in run("calm").samples.items()}
    averages = [each for each in targets() if each.panel["title"] in PANELS]
    shown = [expression(each.panel["title"], each.json["legendFormat"], model=".*") for each in averages]
    evaluate(tmp_path, RULES, priced(standing), [{"expr": each, "exp_samples": []} for each in shown])
