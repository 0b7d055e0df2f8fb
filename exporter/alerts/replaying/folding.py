"""Folds recorded events in memory, and keeps what a scrape would have seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from exporter import conventions as series
from exporter.alerts.replaying.history import History
from exporter.conventions import Family, Kind
from exporter.expose.exposition import Format, render
from exporter.fold.apply import Fold
from exporter.fold.checkpoint import take
from exporter.fold.children import Child
from exporter.fold.gauges import expire
from exporter.fold.state import State
from exporter.settings import Settings
from exporter.thresholds.effective import Settings as Thresholds
from exporter.timeouts.estimator import Estimator
from exporter.types import Batch

STEP_S = 30
"""Seconds between two scrapes: twice a minute, for some rules count what happened in one minute."""

_Key = tuple[str, tuple[str, ...]]
_SOURCE = "replay"


class Scrapes:
    """What Prometheus would have scraped of an exporter that was given the events as they happened."""

    def __init__(self, events: Sequence[Any], settings: Settings) -> None:
        self.started = events[0].timestamp // 60 * 60 - 60
        self.history = History()
        self.steps = 1
        self._ttl_s = settings.gauge_ttl_s
        self._fold = Fold(State(settings.budgets), {}, Estimator(settings.timeouts))
        self._shown: dict[_Key, list[str]] = {}
        self._take(events)

    def _take(self, events: Sequence[Any]) -> None:
        done = 0
        while done < len(events):
            now = self.started + self.steps * STEP_S
            due = done
            while due < len(events) and events[due].timestamp <= now:
                due += 1
            self._fold_until(now, events[done:due])
            self._scrape()
            done = due
            self.steps += 1

    def _fold_until(self, now: float, events: Sequence[Any]) -> None:
        if events:
            self._fold.apply(Batch(_SOURCE, events, received=now))
        expire(self._fold.state, now - self._ttl_s)

    def _scrape(self) -> None:
        state, gone = self._fold.state, self._shown
        self._shown = {}
        for family, children in state.each():
            # Events wait here for the next step: their ages say nothing of the day on which they were recorded.
            for child in children if family is not series.EVENT_AGE else ():
                key = (family.name, child.labels)
                before = gone.pop(key, None)
                self._shown[key] = before if before and not child.unsaved else self._tell(family, child)
        take(self._fold, {}, 0)
        for name in (name for names in gone.values() for name in names):
            self.history.end(self.steps, name)

    def _tell(self, family: Family, child: Child) -> list[str]:
        """Notes the values of a child that has changed; the names of its series."""
        names = []
        for line in render(family, child, Format.TEXT).splitlines():
            name, _, value = line.rpartition(" ")
            if self._begins(family, name):
                self.history.tell(self.steps - 1, name, "0")
            self.history.tell(self.steps, name, self._since_the_start(family, value))
            names.append(name)
        return names

    def _begins(self, family: Family, name: str) -> bool:
        """Whether a counter is new: a scrape every 5 seconds would have seen it begin. Reported totals began before."""
        return family.kind is not Kind.GAUGE and name not in self.history and family.name not in self._reported()

    def _reported(self) -> set[str]:
        return {reporter.partition("/")[0] for reporter in self._fold.totals.known}

    def _since_the_start(self, family: Family, value: str) -> str:
        """Times in values count from 0, as promtool's clock does."""
        return repr(float(value) - self.started) if family.name.endswith("_timestamp_seconds") else value


def with_constants(history: History, thresholds: Thresholds) -> History:
    """Adds what is there all the time: the thresholds, and that the exporter can be scraped."""
    for name, value in constants(thresholds):
        history.tell(0, name, value)
    return history


def constants(thresholds: Thresholds) -> Iterable[tuple[str, str]]:
    yield 'up{job="exai-exporter"}', "1"
    for (name, scope), setting in thresholds.items():
        yield _named(series.THRESHOLD, name, *scope), repr(setting.value)
        yield _named(series.THRESHOLD_ENABLED, name, *scope), str(int(setting.enabled))
        for number, step in enumerate(setting.per_rate, start=1):
            yield _named(series.THRESHOLD_STEP, name, *scope, str(number)), repr(step.value)
            yield _named(series.THRESHOLD_STEP_RATE, name, *scope, str(number)), repr(step.above)


def _named(family: Family, *values: str) -> str:
    """Return the series of a family with these values of its labels."""
    pairs = zip(family.labels, values, strict=True)
    labels = ",".join(f'{label}="{value}"' for label, value in pairs if value)
    return f"{family.name}{{{labels}}}"
