"""Folds what subjects measure of themselves: levels as gauges, running totals as counters.

Several instances may report the same series: each keeps its own reading, and the family says whether
they add up or the highest counts. A reading that is not renewed is retracted.
"""

from __future__ import annotations

from exporter import conventions as series
from exporter.conventions import Family, Kind
from exporter.events import Reading
from exporter.fold.children import Gauge, combined
from exporter.fold.state import State
from exporter.fold.subjects import measured

MOST_INSTANCES = 1000
"""Instances that one series tells apart; more share one reading."""

_EVERLASTING = {series.CONNECTION_LAST_EVENT.name}


class Totals:
    """The newest running total of each reporter, so that only its rise is counted; a fall is a restart.

    The reporter that has been silent for longest is given up where there are too many.
    """

    MOST = 10_000

    def __init__(self) -> None:
        self.known: dict[str, tuple[float, float]] = {}
        self.unsaved: dict[str, tuple[float, float] | None] = {}

    def rise(self, reporter: str, timestamp: float, total: float) -> float:
        """How much has come since the reporter's last total; 0 for a report that is older than that."""
        before = self.known.get(reporter)
        if before is not None and timestamp < before[0]:
            return 0
        self.known.pop(reporter, None)
        self.known[reporter] = self.unsaved[reporter] = (timestamp, total)
        if len(self.known) > self.MOST:
            self._give_up(next(iter(self.known)))
        since = before[1] if before is not None and before[1] <= total else 0
        return total - since

    def _give_up(self, reporter: str) -> None:
        del self.known[reporter]
        self.unsaved[reporter] = None


def fold_reading(state: State, totals: Totals, event: Reading, received: float) -> None:
    """Sets or raises every series that the reading speaks of."""
    for instance, family, labels, value in measured(event):
        if value is None:
            continue
        if family.kind is Kind.GAUGE:
            set_reading(state, family, labels, instance, (event.timestamp, received, value))
        else:
            state.add_total(family, labels, totals.rise(f"{family.name}/{instance}", event.timestamp, value))


def set_reading(
    state: State, family: Family, labels: tuple[str, ...], instance: str, reading: tuple[float, float, float]
) -> None:
    """Stores an instance's (timestamp, arrival, value) unless it has a newer one."""
    gauge = state.child(family, labels)
    assert isinstance(gauge, Gauge)  # noqa: S101 - the catalogue says so
    if instance not in gauge.readings and len(gauge.readings) >= MOST_INSTANCES:
        instance = series.OTHER
    known = gauge.readings.get(instance)
    if known is None or known[0] <= reading[0]:
        gauge.readings[instance] = reading
        gauge.value = combined(family, gauge.readings)


def expire(state: State, before: float) -> None:
    """Retracts every reading that arrived before that Unix time."""
    for family, children in state.each():
        if family.kind is Kind.GAUGE and family.name not in _EVERLASTING:
            for child in children:
                assert isinstance(child, Gauge)  # noqa: S101 - the catalogue says so
                _expire(state, family, child, before)


def _expire(state: State, family: Family, gauge: Gauge, before: float) -> None:
    kept = {instance: reading for instance, reading in gauge.readings.items() if reading[1] >= before}
    if not kept:
        state.remove(family, gauge)
    elif len(kept) < len(gauge.readings):
        gauge.readings = kept
        gauge.value = combined(family, kept)
        state.touch(gauge)
