"""Queries about the average model call: its cost, its tokens, and how fast its output comes.

A divisor is `> 0`: without calls there is no average, and a panel shows a gap instead of NaN.
"""

from __future__ import annotations

from grafana.panels import Query
from grafana.queries import MINUTE, MODEL, rate

ALL = "all models"

_NAME = "gen_ai_request_model"
_DOLLARS = f"model:exai_token_cost_dollars:rate5m{{{MODEL}}}"
_PRICED = f"model:exai_priced_calls:rate5m{{{MODEL}}}"
COST = [
    Query(f"sum by ({_NAME}) ({_DOLLARS}) / (sum by ({_NAME}) ({_PRICED}) > 0)", f"{{{{{_NAME}}}}}"),
    Query(f"sum({_DOLLARS}) / (sum({_PRICED}) > 0)", ALL),
]

_USAGE = "gen_ai_client_token_usage"


def _tokens(part: str, token_type: str, by: str = "") -> str:
    return rate(f'{_USAGE}_{part}{{{MODEL},gen_ai_token_type="{token_type}"}}', by)


TOKENS = [
    Query(f"{_tokens('sum', token_type)} / ({_tokens('count', token_type)} > 0)", token_type, step=MINUTE)
    for token_type in ("input", "output", "total")
]

_SECONDS = rate(f'gen_ai_client_operation_duration_seconds_sum{{{MODEL},error_type=""}}', _NAME)
OUTPUT_SPEED = [
    Query(f"{_tokens('sum', 'output', _NAME)} / ({_SECONDS} > 0)", f"{{{{{_NAME}}}}}", step=MINUTE),
]
