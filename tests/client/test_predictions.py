"""Predictions, how good they were, and what the process that makes them uses."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.client.predictions import Predictions, Quality
from exporter.client.process_gauges import ProcessGauges
from exporter.client.rolling import RollingFit
from tests.client.doubles import Broken, Memory, child_succeeds, fork
from tests.servers import wait_until


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def predictions(memory: Memory) -> Predictions:
    return Predictions(memory, "ml-api", window=3)


numbers = st.floats(-1e6, 1e6)


class TestRollingFit:
    def test_textbook_values(self) -> None:
        fit = RollingFit()
        for predicted, actual in ((2.5, 3.0), (0.0, -0.5), (2.0, 2.0), (8.0, 7.0)):
            fit.add(predicted, actual)
        assert fit.mae == pytest.approx(0.5)
        assert fit.r2 == pytest.approx(0.9486081370449679)

    @given(st.lists(st.tuples(numbers, numbers), max_size=60), st.integers(1, 12))
    def test_it_is_what_the_last_pairs_give(self, pairs: list[tuple[float, float]], window: int) -> None:
        fit = RollingFit(window)
        for pair in pairs:
            fit.add(*pair)
        last = pairs[-window:]
        assert len(fit) == len(last)
        if not last:
            assert (fit.mae, fit.r2) == (None, None)
            return
        assert fit.mae == pytest.approx(math.fsum(abs(p - a) for p, a in last) / len(last), rel=1e-6, abs=1e-6)
        mean = math.fsum(a for _, a in last) / len(last)
        scatter = math.fsum((a - mean) ** 2 for _, a in last)
        if len({a for _, a in last}) < 2:
            assert fit.r2 is None
        elif scatter > 1:
            expected = 1 - math.fsum((p - a) ** 2 for p, a in last) / scatter
            assert fit.r2 == pytest.approx(expected, rel=1e-2, abs=1e-2)

    def test_outcomes_far_from_zero_lose_no_digits(self) -> None:
        fit = RollingFit(100)
        for number in range(10_000):
            fit.add(1e9 + number % 7, 1e9 + number % 7 + 0.5)
        assert fit.mae == pytest.approx(0.5)
        assert fit.r2 == pytest.approx(1 - 0.25 / 4, abs=0.01)


class TestPredictions:
    def test_a_prediction_is_recorded_with_what_came_of_it(self, predictions: Predictions, memory: Memory) -> None:
        predictions.record_prediction("result", 4.0, 3.0, confidence=0.68, baseline_mae=3.9)
        event = memory.only()
        assert event.pop("timestamp") > 1.7e9
        assert event == {
            "kind": "prediction",
            "service": "ml-api",
            "model": "result",
            "absolute_error": 1.0,
            "confidence": 0.68,
            "baseline_mae": 3.9,
        }

    def test_a_prediction_whose_outcome_is_not_known_counts(self, predictions: Predictions, memory: Memory) -> None:
        predictions.record_prediction("result", 4.0)
        assert set(memory.only()) == {"kind", "service", "model", "timestamp"}
        assert predictions.quality("result") == Quality(None, None, 0)

    def test_the_last_outcomes_say_how_good_a_model_is(self, predictions: Predictions, memory: Memory) -> None:
        for predicted, actual in ((100, 0), (1, 1), (2, 2), (4, 3)):
            predictions.record_prediction("result", predicted, actual)
        assert predictions.quality("result") == pytest.approx(Quality(1 / 3, 0.5, 3))
        assert predictions.quality("other") == Quality(None, None, 0)
        assert memory.taken()[-1]["r2"] == pytest.approx(0.5)

    @pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, 1e300])
    def test_a_number_that_is_none_is_left_out(self, predictions: Predictions, memory: Memory, odd: float) -> None:
        predictions.record_prediction("result", odd, 1, confidence=odd, baseline_mae=odd)
        predictions.record_prediction("result", 1, odd)
        assert len(memory.taken()) == 2
        assert predictions.quality("result").samples == 0
        assert set(memory.events[0]) == {"kind", "service", "model", "timestamp"}

    def test_models_are_bounded(self, predictions: Predictions) -> None:
        for number in range(150):
            predictions.record_prediction(f"model-{number}", 1, 2)
        assert predictions.quality("model-0").samples == 0
        assert predictions.quality("model-149").samples == 1

    @pytest.mark.parametrize("odd", ["many", [1], object()])
    def test_nothing_is_raised(self, predictions: Predictions, odd: Any) -> None:
        predictions.record_prediction(odd, odd, odd, confidence=odd)
        assert predictions.quality(odd) == Quality(None, None, 0)
        Predictions(Broken(), "ml-api").record_prediction("result", 1, 2)

    def test_a_forked_worker_counts_its_own(self, predictions: Predictions) -> None:
        predictions.record_prediction("result", 1, 2)
        with predictions._lock:
            child = fork()
            if child == 0:
                os._exit(0 if predictions.quality("result").samples == 0 else 1)
            assert child_succeeds(child)


class TestProcessGauges:
    def test_they_are_what_the_system_says(self, tmp_path: Path) -> None:
        gauges = ProcessGauges("ml-api", tmp_path)
        wait_until(lambda: sum(range(100_000)) and gauges.values()["cpu_ratio"] > 0, what="some use of the CPU")
        values = gauges.values()
        rss = int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) * 1024
        assert values["service"] == "ml-api"
        assert values["memory_bytes"] == pytest.approx(rss, rel=0.1)
        assert 0 < values["uptime_seconds"] < 24 * 3600
        assert 0 <= values["cpu_ratio"] <= 1.5
        assert 0 < values["disk_used_ratio"] < 1

    def test_uptime_is_the_processs_not_the_objects(self) -> None:
        began = psutil.Process().create_time()
        assert ProcessGauges("a").values()["uptime_seconds"] == pytest.approx(time.time() - began, abs=1)

    def test_a_disk_that_is_not_there_is_left_out(self) -> None:
        assert "disk_used_ratio" not in ProcessGauges("ml-api", "/no/such/place").values()

    def test_a_forked_worker_is_younger_than_its_parent(self) -> None:
        gauges = ProcessGauges("ml-api")
        mine = gauges.values()["uptime_seconds"]
        child = fork()
        if child == 0:
            os._exit(0 if gauges.values()["uptime_seconds"] < max(0.2, mine / 2) else 1)
        assert child_succeeds(child)
