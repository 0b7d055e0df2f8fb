"""config/prices.yml: what is shipped, what is refused and why, and what a token costs by it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.demo.model_calls import MODELS
from exporter.prices.table import per_token, read
from exporter.settings import SettingsError
from exporter.types import Refused
from tests.core.harness import running
from tests.servers import ROOT

SHIPPED = ROOT / "config/prices.yml"
GOOD: dict[str, Any] = {"input": 0.6, "output": 2.5, "date": "2026-11-21", "source": "https://prices.example/k2"}
LONG = "m" * 129

BAD: dict[str, tuple[Any, str, str]] = {
    "no-mapping": ([GOOD], "", "is not a mapping of names to prices"),
    "nothing": (None, "", "is not a mapping of names to prices"),
    "unknown-key": ({"k2": {**GOOD, "ouput": 1}}, "k2.ouput", "unknown field"),
    "no-input": ({"k2": {"output": 1}}, "k2.input", "missing required field `input`"),
    "no-output": ({"k2": {"input": 1}}, "k2.output", "missing required field `output`"),
    "no-date": ({"k2": {"input": 1, "output": 1}}, "k2.date", "missing required field `date`"),
    "no-source": ({"k2": {"input": 1, "output": 1, "date": "2026-11-21"}}, "k2.source", "missing required field"),
    "no-day": ({"k2": {**GOOD, "date": "last week"}}, "k2.date", "Invalid RFC3339 encoded date"),
    "no-page": ({"k2": {**GOOD, "source": "a friend"}}, "k2.source", "matching regex '^https?://'"),
    "text": ({"k2": {**GOOD, "input": "0.6"}}, "k2.input", "Expected `float`, got `str`"),
    "yes": ({"k2": {**GOOD, "input": True}}, "k2.input", "Expected `float`, got `bool`"),
    "negative": ({"k2": {**GOOD, "output": -1}}, "k2.output", "Expected `float` >= 0.0"),
    "not-a-number": ({"k2": {**GOOD, "output": float("nan")}}, "k2.output", "Expected `float` >= 0.0"),
    "endless": ({"k2": {**GOOD, "cached_input": float("inf")}}, "k2.cached_input", "<= 10000.0"),
    "example": ({"k2": {**GOOD, "example": "no"}}, "k2.example", "Expected `bool`, got `str`"),
    "one-alias": ({"k2": {**GOOD, "aliases": "k"}}, "k2.aliases", "Expected `array`, got `str`"),
    "long-name": ({LONG: GOOD}, LONG, "is not 1 to 128 printable characters"),
    "unprintable-alias": ({"k2": {**GOOD, "aliases": ["k\n"]}}, "k2.aliases[0]", "'k\\n' is not 1 to 128 printable"),
    "alias-of-itself": ({"k2": {**GOOD, "aliases": ["k2"]}}, "k2.aliases[0]", "k2 has two prices"),
    "alias-of-two": (
        {"a": {**GOOD, "aliases": ["k"]}, "b": {**GOOD, "aliases": ["x", "k"]}}, "b.aliases[1]", "k has two prices",
    ),
}  # fmt: skip


def written(directory: Path, content: Any) -> Path:
    path = directory / "prices.yml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("fault", BAD)
def test_each_fault_names_its_field(tmp_path: Path, fault: str) -> None:
    content, field, message = BAD[fault]
    with pytest.raises(Refused) as refused:
        read(written(tmp_path, content))
    assert refused.value.field == field
    assert message in str(refused.value)


def test_every_model_that_the_demo_calls_has_a_price() -> None:
    priced = {(name, kind) for name, kind, _ in per_token(read(SHIPPED))}
    assert {(model.name, kind) for model in MODELS for kind in ("input", "output")} <= priced


def test_a_shipped_price_that_nobody_compared_with_its_source_says_so() -> None:
    assert "was not compared" in SHIPPED.read_text()
    assert all(price.example for price in read(SHIPPED).values())


def test_a_price_holds_under_each_name_of_its_model_and_is_that_of_one_token(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        {
            "k2": {**GOOD, "cached_input": 0.15, "blended": 1.0, "aliases": ["k2-0905"]},
            "free": {**GOOD, "input": 0, "cache_write": 0.3, "reasoning": 4},
        },
    )
    with running(tmp_path / "state", prices_file=str(file)) as exporter:
        shown = exporter.samples()
    prices = {
        (labels["gen_ai_request_model"], labels["gen_ai_token_type"]): value
        for (name, pairs), value in shown.items()
        if name == "exai_token_price_dollars" and (labels := dict(pairs))
    }
    assert prices == {
        **{(name, "input"): pytest.approx(6e-7) for name in ("k2", "k2-0905")},
        **{(name, "input_cached"): pytest.approx(1.5e-7) for name in ("k2", "k2-0905")},
        **{(name, "total"): pytest.approx(1e-6) for name in ("k2", "k2-0905")},
        **{(name, "output"): pytest.approx(2.5e-6) for name in ("k2", "k2-0905", "free")},
        ("free", "input"): 0,
        ("free", "input_cache_write"): pytest.approx(3e-7),
        ("free", "output_reasoning"): pytest.approx(4e-6),
    }  # fmt: skip


def test_an_exporter_does_not_start_with_prices_that_it_cannot_use(tmp_path: Path) -> None:
    file = written(tmp_path, {"k2": {**GOOD, "input": -1}})
    with pytest.raises(SettingsError, match=r"prices\.yml: k2\.input: "), running(tmp_path, prices_file=str(file)):
        pass


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        ({"k2": GOOD, "k1": {**GOOD, "example": True}}, 0, "# prices of 2 models, 1 of them not compared"),
        ({"k2": {**GOOD, "price": 1}}, 1, "k2.price: Object contains unknown field `price`"),
    ],
)
def test_check_config_says_what_the_prices_come_to(tmp_path: Path, content: Any, status: int, said: str) -> None:
    environment = {**os.environ, "EXAI_PRICES_FILE": str(written(tmp_path, content))}
    argv = [sys.executable, "-m", "exporter", "check-config"]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == status
    assert said in done.stdout + done.stderr
