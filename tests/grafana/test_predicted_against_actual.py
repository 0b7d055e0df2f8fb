"""The shares of their timeouts that calls take are those of the simulated calls, in calm and in incidents."""

from __future__ import annotations

from math import ceil
from pathlib import Path

import pytest

from exporter.conventions import ESTIMATE_ACCURACY
from tests.grafana.simulated_calls import INCIDENTS, STEP_S, evaluate, expression, run, sample

TITLE = "Predicted against actual"
WINDOW_S = 300
MODEL = "kimi-k2-0905-preview"
QUANTILES = {1: 0.5, 2: 0.95, 3: 0.99}
"""The quantiles by the place of their query in the panel."""


def shares_of_timeout(incident: str) -> list[float]:
    """Return the share of its timeout that each call took, in order; a call that failed took none."""
    calls = [call for call in run(incident).within(WINDOW_S, MODEL) if call["outcome"] != "error"]
    given = [(call["duration_ms"] / 1000, call["estimated_timeout_s"]) for call in calls if "estimate_source" in call]
    return sorted(seconds / timeout_s for seconds, timeout_s in given)


def within_the_bucket(share: float, shown: str) -> str:
    """Return a query that is 1 if the value lies in the bucket of the true one, its edges included."""
    edges = [0.0, *ESTIMATE_ACCURACY.buckets]
    upper = next((edge for edge in edges if edge >= share), edges[-1])
    lower = edges[edges.index(upper) - 1] if upper >= share else upper
    return f"({shown} >= bool {lower}) * ({shown} <= bool {upper})"


@pytest.mark.parametrize("incident", INCIDENTS)
def test_the_quantiles_lie_in_the_buckets_of_the_true_ones(incident: str, tmp_path: Path) -> None:
    shares = shares_of_timeout(incident)
    tests = []
    for part, quantile in QUANTILES.items():
        true = shares[ceil(quantile * len(shares)) - 1]
        tests.append(within_the_bucket(true, f"({expression(TITLE, part=part, model=MODEL)})"))
    # The samples of a window do not reach from end to end, and Prometheus makes up for what lies between.
    counted = len(shares) * WINDOW_S / (WINDOW_S - STEP_S)
    tests.append(f"round(({expression(TITLE, model=MODEL)}) / {counted}, 0.01)")
    wanted = [sample(1, model=MODEL)]
    evaluate(tmp_path, "timeouts.yml", run(incident).samples, [{"expr": x, "exp_samples": wanted} for x in tests])


def test_the_incident_moves_them() -> None:
    calm, slow = (shares_of_timeout(incident) for incident in ("calm", "slow-kimi"))
    assert slow[len(slow) // 2] > 2 * calm[len(calm) // 2]
    assert max(slow) > 1
