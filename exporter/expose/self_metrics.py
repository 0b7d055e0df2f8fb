"""What the exporter says of itself when it is scraped: a collector that reads, and counts nothing."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from exporter import __version__
from exporter import conventions as series
from exporter.conventions import Family
from exporter.expose.exposition import Format
from exporter.fold.journal import JournalHealth
from exporter.fold.spool import Spool
from exporter.fold.state import State
from exporter.storage import used_ratio
from exporter.types import Clock, SourceHealth


@dataclass(frozen=True, slots=True, eq=False)
class SelfCollector(Collector):
    """Gauges of build, sources, checkpoint, disk and budgets."""

    state: State
    journal: JournalHealth
    sources: Mapping[str, SourceHealth]
    clock: Clock
    state_dir: Path
    spools: Sequence[Spool] = ()

    def collect(self) -> Iterator[Metric]:
        """One family after another; sizes are read without a lock, each is a single number."""
        yield _gauge(series.BUILD_INFO, {(__version__, platform.python_version()): 1})
        now = self.clock()
        yield _gauge(series.SOURCE_UP, {(name,): float(health.up) for name, health in self.sources.items()})
        yield _gauge(series.SOURCE_LAG, {(name,): health.lag_s(now) for name, health in self.sources.items()})
        yield _gauge(series.CHECKPOINT_TIMESTAMP, {(): self.journal.saved_at})
        yield _gauge(series.CHECKPOINT_DURATION, {(): self.journal.took_s})
        yield _gauge(series.DISK_USED, self._disk())
        yield _gauge(series.ROWS_SPOOLED, {(): sum(spool.waiting for spool in self.spools)})
        yield _gauge(series.SERIES, self._sizes())
        yield _gauge(series.SERIES_BUDGET, self._budgets())

    def _disk(self) -> dict[tuple[str, ...], float]:
        with suppress(OSError):
            return {(): used_ratio(self.state_dir)}
        return {}

    def _sizes(self) -> dict[tuple[str, ...], float]:
        return {
            (name,): len(held.children) * held.family.series_per_child
            for name, held in self.state.families.items()
            if held.children
        }

    def _budgets(self) -> dict[tuple[str, ...], float]:
        return {
            (name,): held.budget.budget * held.family.series_per_child
            for name, held in self.state.families.items()
            if held.children
        }


def registry(*collectors: Collector) -> CollectorRegistry:
    """A registry of what these collect and of the process's metrics."""
    found = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        found.register(collector)
    ProcessCollector(registry=found)
    return found


def render_registry(found: CollectorRegistry, form: Format) -> bytes:
    """The registry's families; in OpenMetrics they end the exposition."""
    generate = generate_latest if form is Format.TEXT else generate_openmetrics
    return bytes(generate(found))


def _gauge(family: Family, values: Mapping[tuple[str, ...], float]) -> GaugeMetricFamily:
    metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in values.items():
        metric.add_metric(labels, value)
    return metric
