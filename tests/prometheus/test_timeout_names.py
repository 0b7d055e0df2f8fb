"""The rules take the date off a model's name as the estimator does."""

from __future__ import annotations

from pathlib import Path

import yaml

from exporter.calls import normalised
from tests.prometheus.test_promtool import SHIPPED, promtool

NAMES = (
    "kimi-k2-0905-preview", "kimi-k2-turbo-preview", "kimi-latest", "moonshot-v1-8k", "moonshot-v1-8192", "glm-4.6",
    "glm-4-240806", "gpt-4o-2024-08-06", "gpt-4o_20240806", "gpt-4@2024-08", "gemini-08-2024", "deepseek-r1-0528",
    "claude-20250514:thinking", "o3-2025-04-16-mini", "qwen-1399", "x-2024-13-01", "0905", "a-0905b",
)  # fmt: skip
"""Names with dates of every form, and with numbers that are none."""

CALLS = "gen_ai_client_operation_duration_seconds_count"
RECORDED = "model:exai_timeout_names:info"


def labels(name: str) -> str:
    return f'gen_ai_provider_name="p", gen_ai_request_model="{name}"'


def test_the_recorded_names_are_those_of_the_estimator(tmp_path: Path) -> None:
    expected = [f'{RECORDED}{{{labels(name)}, model="{normalised(name)}"}}' for name in NAMES]
    asked = {"expr": RECORDED, "eval_time": "2m", "exp_samples": [{"labels": each, "value": 1} for each in expected]}
    series = [{"series": f"{CALLS}{{{labels(name)}}}", "values": "1x9"} for name in NAMES]
    file = tmp_path / "names.yml"
    case = {"interval": "1m", "input_series": series, "promql_expr_test": [asked]}
    file.write_text(yaml.safe_dump({"rule_files": [str(SHIPPED / "rules/timeouts.yml")], "tests": [case]}))
    promtool("test", "rules", file)
