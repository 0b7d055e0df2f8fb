"""The thresholds as series: their file is looked at whenever they are scraped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from exporter import conventions as series
from exporter.thresholds.effective import Settings
from exporter.thresholds.service import Thresholds


@dataclass(frozen=True, slots=True, eq=False)
class ThresholdCollector(Collector):
    """A gauge for each threshold and whether it is enabled, and whether their file can be used."""

    thresholds: Thresholds

    def collect(self) -> Iterator[Metric]:
        """The effective values: the shipped ones with the overlay on top."""
        view = self.thresholds.view()
        yield from _settings(view.settings)
        valid = _gauge(series.THRESHOLDS_VALID)
        valid.add_metric((), float(not view.problem))
        yield valid
        refused = CounterMetricFamily(series.THRESHOLDS_REFUSED.name, series.THRESHOLDS_REFUSED.help)
        refused.add_metric((), view.refusals)
        yield refused


def _settings(settings: Settings) -> Iterator[Metric]:
    families = (series.THRESHOLD, series.THRESHOLD_ENABLED, series.THRESHOLD_STEP, series.THRESHOLD_STEP_RATE)
    values, enabled, step_values, step_rates = gauges = [_gauge(family) for family in families]
    for (name, scope), setting in settings.items():
        values.add_metric((name, *scope), setting.value)
        enabled.add_metric((name, *scope), float(setting.enabled))
        for number, step in enumerate(setting.per_rate, start=1):
            step_values.add_metric((name, *scope, str(number)), step.value)
            step_rates.add_metric((name, *scope, str(number)), step.above)
    yield from gauges


def _gauge(family: series.Family) -> GaugeMetricFamily:
    return GaugeMetricFamily(family.name, family.help, labels=family.labels)
