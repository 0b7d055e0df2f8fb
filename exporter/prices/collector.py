"""The prices as series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from exporter import conventions as series
from exporter.prices.table import Prices, per_token


@dataclass(frozen=True, slots=True, eq=False)
class PriceCollector(Collector):
    """A gauge for each name of a model and each type of token."""

    prices: Prices

    def collect(self) -> Iterator[Metric]:
        """What one token costs."""
        family = series.TOKEN_PRICE
        metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
        for model, kind, dollars in per_token(self.prices):
            metric.add_metric((model, kind), dollars)
        yield metric
