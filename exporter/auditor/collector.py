"""Observations as series, read from the store whenever they are scraped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from exporter import conventions as series
from exporter.auditor.observation import CATEGORIES, SEVERITIES
from exporter.auditor.store import ObservationStore


@dataclass(frozen=True, slots=True, eq=False)
class ObservationCollector(Collector):
    """How many observations there were, how many were acknowledged, and how many wait."""

    store: ObservationStore

    def collect(self) -> Iterator[Metric]:
        """Every severity and category, so that the first of a kind is an increase."""
        seen, acknowledged, waiting = self.store.counts()
        counter = CounterMetricFamily
        for family, shape, counts in (
            (series.OBSERVATIONS, counter, seen),
            (series.OBSERVATIONS_ACKNOWLEDGED, counter, acknowledged),
            (series.OBSERVATIONS_UNACKNOWLEDGED, GaugeMetricFamily, waiting),
        ):
            metric = shape(family.name, family.help, labels=family.labels)
            for labels in product(SEVERITIES, CATEGORIES):
                metric.add_metric(labels, counts.get(labels, 0))
            yield metric
