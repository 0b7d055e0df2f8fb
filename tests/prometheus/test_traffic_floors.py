"""Nothing is judged by three requests: ratios have a floor of traffic, and so have alerts on ratios and quantiles."""

from __future__ import annotations

import pytest

from tests.prometheus.test_rules import name_of
from tests.promql import Rule, alerts, rules
from tests.traffic_floors import floors, rests_on_little

GOOD = [
    "sum(rate(a[5m])) / (sum(rate(b[5m])) >= 20 / 300)",
    "sum(increase(a[1h])) / (sum(increase(b[1h])) > 0)",
    "a / sqrt(0.01 * (x:y:increase1h >= 100))",
    "memory_used / memory_max",
    "rate(a[5m]) / 60",
]
BAD = [
    "sum(rate(a[5m])) / sum(rate(b[5m]))",
    "rate(a[5m]) / (rate(b[5m]) + 1)",
    "a:errors:rate5m / a:events:rate5m",
    "(rate(a[5m]) / rate(b[5m])) > 0.5",
    "rate(a[5m]) / (rate(b[5m]) > other)",
]


@pytest.mark.parametrize("expression", GOOD)
def test_a_division_by_enough_traffic_or_by_no_traffic_at_all_is_fine(expression: str) -> None:
    assert None not in floors(expression)


@pytest.mark.parametrize("expression", BAD)
def test_a_division_without_a_floor_is_seen(expression: str) -> None:
    assert None in floors(expression)


@pytest.mark.parametrize("rule", list(rules()), ids=name_of)
def test_a_rule_divides_by_traffic_only_above_a_floor(rule: Rule) -> None:
    assert None not in floors(rule["expr"])


@pytest.mark.parametrize("alert", alerts(), ids=name_of)
def test_an_alert_rests_on_more_than_a_few_events(alert: Rule) -> None:
    assert not rests_on_little(alert["expr"])


@pytest.mark.parametrize(
    "expression",
    [
        "implementation:exai_cache_hits:ratio_rate5m < 0.5",
        "model:gen_ai_client_operation_duration_seconds:p95_rate2m > 45",
        "histogram_quantile(0.95, sum by (le) (rate(a_bucket[5m]))) > 1",
        "sum(rate(a[5m])) / (sum(rate(b[5m])) > 0) > 0.1",
        "implementation:exai_cache_hits:ratio_rate5m < 0.5 and implementation:exai_cache_lookups:rate5m > 0",
    ],
)
def test_an_alert_on_a_ratio_or_quantile_of_next_to_nothing_is_seen(expression: str) -> None:
    assert rests_on_little(expression)
