"""Observations as series, read from the store whenever they are scraped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import inf

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from exporter import conventions as series
from exporter.auditor.counts import ACKNOWLEDGED, RESOLVED, Counts, Taken
from exporter.auditor.observation import CATEGORIES, SEVERITIES
from exporter.auditor.store import ObservationStore


@dataclass(frozen=True, slots=True, eq=False)
class ObservationCollector(Collector):
    """How many observations there were, how many wait, and how long it took until somebody acted."""

    store: ObservationStore

    def collect(self) -> Iterator[Metric]:
        """Every severity and category, so that the first of a kind is an increase."""
        counts = self.store.counts()
        yield from _kinds(counts)
        yield _by_alert(counts)
        yield _ended(counts)
        yield _took(series.OBSERVATION_ACKNOWLEDGE, ACKNOWLEDGED, counts)
        yield _took(series.OBSERVATION_RESOLVE, RESOLVED, counts)


def _kinds(counts: Counts) -> Iterator[Metric]:
    counter = CounterMetricFamily
    for family, shape, values in (
        (series.OBSERVATIONS, counter, counts.seen),
        (series.OBSERVATIONS_ACKNOWLEDGED, counter, counts.acknowledged),
        (series.OBSERVATIONS_UNACKNOWLEDGED, GaugeMetricFamily, counts.waiting),
    ):
        metric = shape(family.name, family.help, labels=family.labels)
        for labels in product(SEVERITIES, CATEGORIES):
            metric.add_metric(labels, values.get(labels, 0))
        yield metric


def _by_alert(counts: Counts) -> Metric:
    family = series.ALERT_ACKNOWLEDGEMENTS
    metric = CounterMetricFamily(family.name, family.help, labels=family.labels)
    for name, number in counts.acknowledged_alerts.items():
        metric.add_metric((name,), number)
    return metric


def _ended(counts: Counts) -> Metric:
    family = series.ALERTS_ENDED
    metric = CounterMetricFamily(family.name, family.help, labels=family.labels)
    for (name, acknowledged), number in counts.ended_alerts.items():
        metric.add_metric((name, str(acknowledged).lower()), number)
    return metric


def _took(family: series.Family, until: str, counts: Counts) -> Metric:
    metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    for severity in SEVERITIES:
        taken = counts.took.get((until, severity), {})
        metric.add_metric((severity,), _buckets(family.buckets, taken), sum(each.seconds for each in taken.values()))
    return metric


def _buckets(bounds: tuple[float, ...], taken: Mapping[float, Taken]) -> list[tuple[str, float]]:
    """How many took at most so long; what was noted under other bounds stands in the next above them."""
    return [
        (str(bound) if bound < inf else "+Inf", sum(each.number for at, each in taken.items() if at <= bound))
        for bound in (*bounds, inf)
    ]
