"""The fold: events into state. No clock, no I/O; the same events always make the same state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from exporter import conventions as series
from exporter.calls import Learner
from exporter.events import (
    KINDS,
    CacheEvent,
    ConnectionEvent,
    DurationEvent,
    HttpEvent,
    PredictionEvent,
    Reading,
    TraceEvent,
)
from exporter.fold.call_selection import CallSelection
from exporter.fold.connections import Routes, fold_connections
from exporter.fold.first_calls import FirstCalls
from exporter.fold.freshness import observe_ages
from exporter.fold.gauges import Totals, fold_reading, set_reading
from exporter.fold.labels import clean
from exporter.fold.model_calls import fold_model_call
from exporter.fold.observe import observe
from exporter.fold.recent import Outcome, RecentEvents, Run
from exporter.fold.repeats import Repeats
from exporter.fold.series_labels import cache_labels, http_labels, prediction_labels
from exporter.fold.spool import Spool
from exporter.fold.state import State
from exporter.fold.timeouts import fold_timeout, with_timeout
from exporter.fold.traces import fold_trace
from exporter.types import Batch


class Fold:
    """Folds batches into its state.

    `authorities` names the one source that counts for a kind; what others bring of it is only compared.
    `selection` decides which model calls count.
    `learner` learns from every call of a model; without one, only estimates that callers name are scored.
    `spools` take what is to be kept in a database, if there is one.
    `recent` keeps the newest events and what became of each.
    """

    def __init__(
        self,
        state: State,
        authorities: dict[str, str] | None = None,
        learner: Learner | None = None,
        spools: Sequence[Spool] = (),
        recent: RecentEvents | None = None,
        selection: CallSelection | None = None,
    ) -> None:
        self.state = state
        self.totals = Totals()
        self.repeats = Repeats()
        self.learner = learner
        self.spools = spools
        self.recent = recent
        self.selection = selection or CallSelection()
        self.first_calls = FirstCalls()
        self._authorities = authorities or {}
        self._routes: Routes = {}

    def apply(self, batch: Batch) -> None:
        """Counts everything in the batch: its events, its rejections, and what the source says itself."""
        # To the millisecond, which is as far as Prometheus reads it.
        self.state.received = round(batch.received, 3)
        for reason, count in Counter(rejection.reason for rejection in batch.rejections).items():
            self.state.add(series.REJECTED, (batch.source, reason), count)
        for family, labels, count in batch.tallies:
            self.state.add(family, tuple(map(clean, labels)), count)
        for family, labels, value in batch.levels:
            reading = (batch.received, batch.received, value)
            set_reading(self.state, family, tuple(map(clean, labels)), batch.source, reading)
        runs = [Run(Outcome.REJECTED, list(batch.rejections))] if batch.rejections else []
        for event_type, run in groupby(batch.events, type):
            runs += self._apply_run(batch, event_type, list(run))
        if runs and self.recent:
            self.recent.append(batch, runs)

    def give_up(self, batch: Batch) -> None:
        """Counts a batch that could not be folded."""
        self.state.add(series.REJECTED, (batch.source, "internal"), len(batch.events))
        events = [event for event in batch.events if type(event) in KINDS]
        if events and self.recent:
            self.recent.append(batch, [Run(Outcome.FAILED, events)])

    def _apply_run(self, batch: Batch, event_type: type, events: list[Any]) -> list[Run]:
        if event_type is DurationEvent:
            return self._apply_calls(batch, events)
        if self._authorities.get(KINDS[event_type], batch.source) != batch.source:
            return self._pass_over(batch, event_type, events, Outcome.COMPARED)
        return self._fold_run(batch, event_type, events)

    def _apply_calls(self, batch: Batch, calls: list[DurationEvent]) -> list[Run]:
        by_outcome: dict[Outcome, list[DurationEvent]] = {}
        for call in calls:
            by_outcome.setdefault(self._outcome_of(call, batch.source), []).append(call)
        counted = by_outcome.pop(Outcome.COUNTED, None)
        runs = self._fold_run(batch, DurationEvent, counted) if counted else []
        for outcome, others in by_outcome.items():
            runs += self._pass_over(batch, DurationEvent, others, outcome)
        return runs

    def _outcome_of(self, call: DurationEvent, source: str) -> Outcome:
        authority = self._authorities.get(KINDS[DurationEvent])
        if authority is None and call.derived:
            # The call is a part of its connection event, and counts where that counts.
            authority = self._authorities.get(KINDS[ConnectionEvent])
        if authority not in (None, source):
            return Outcome.COMPARED
        return Outcome.COUNTED if self.selection.admits(call, source) else Outcome.SUPERSEDED

    def _pass_over(self, batch: Batch, event_type: type, events: list[Any], outcome: Outcome) -> list[Run]:
        self.state.add(series.COMPARED, (batch.source, KINDS[event_type]), len(events))
        return [Run(outcome, events)]

    def _fold_run(self, batch: Batch, event_type: type, events: list[Any]) -> list[Run]:
        kind = KINDS[event_type]
        fresh = self.repeats.without(events, batch.received)
        if fresh:
            self.state.add(series.INGESTED, (batch.source, kind), len(fresh))
            kept = self._count(event_type, fresh, batch.received)
            if event_type is not Reading and batch.received and not self.state.holder:
                observe_ages(self.state, batch.source, fresh, batch.received)
            self._keep(event_type, kept)
        if len(fresh) == len(events):
            return [Run(Outcome.COUNTED, fresh)]
        self.state.add(series.DUPLICATE, (batch.source,), len(events) - len(fresh))
        new = set(map(id, fresh))
        repeated = [event for event in events if id(event) not in new]
        return [*([Run(Outcome.COUNTED, fresh)] if fresh else []), Run(Outcome.DUPLICATE, repeated)]

    def _keep(self, event_type: type, events: Sequence[Any]) -> None:
        for spool in self.spools:
            if dropped := spool.keep(event_type, events):
                self.state.add(series.ROWS_DROPPED, (spool.table.table_of(event_type), "full"), dropped)

    def _count(self, event_type: type, events: Sequence[Any], received: float) -> Sequence[Any]:
        """Count the events, and return them as they are to be kept."""
        if event_type is ConnectionEvent:
            fold_connections(self.state, self._routes, events, received)
        elif event_type is Reading:
            for event in events:
                fold_reading(self.state, self.totals, event, received)
        elif event_type is DurationEvent:
            return [self._count_call(event, received) for event in events]
        elif event_type is TraceEvent:
            for event in events:
                fold_trace(self.state, self.first_calls, event)
        else:
            handler = _HANDLERS[event_type]
            for event in events:
                handler(self.state, event, received)
        return events

    def _count_call(self, call: DurationEvent, received: float) -> DurationEvent:
        fold_model_call(self.state, call)
        timeout = fold_timeout(self.state, self.learner, call, received)
        return with_timeout(call, timeout) if timeout and self.spools else call


def _fold_cache(state: State, event: CacheEvent, received: float) -> None:
    operation = cache_labels(event)
    implementation = operation[0]
    state.add(series.CACHE_OPERATIONS, operation)
    if event.response_time_ms is not None:
        observe(state, series.CACHE_RESPONSE, operation, event.response_time_ms / 1000)
    if event.similarity is not None:
        observe(state, series.CACHE_SIMILARITY, operation, event.similarity)
    if event.cache_size is not None:
        reading = (event.timestamp, received, event.cache_size)
        set_reading(state, series.CACHE_ENTRIES, (implementation,), "", reading)
    if event.operation == "error" or event.error_type:
        state.add(series.CACHE_ERRORS, (implementation, clean(event.error_type)))


def _fold_http(state: State, event: HttpEvent, _: float) -> None:
    labels = http_labels(event)
    state.add(series.HTTP_REQUESTS, labels)
    seconds = event.duration_ms / 1000
    mark = (event.trace_id, event.timestamp) if event.trace_id else None
    observe(state, series.HTTP_DURATION, labels, seconds, mark)


def _fold_prediction(state: State, event: PredictionEvent, received: float) -> None:
    labels = prediction_labels(event)
    state.add(series.PREDICTIONS, labels)
    if event.absolute_error is not None:
        observe(state, series.ABSOLUTE_ERROR, labels, event.absolute_error)
    levels = (
        (series.MODEL_CONFIDENCE, event.confidence),
        (series.MODEL_R2, event.r2),
        (series.MODEL_BASELINE_MAE, event.baseline_mae),
    )
    for family, value in levels:
        if value is not None:
            set_reading(state, family, labels, "", (event.timestamp, received, value))


_HANDLERS: dict[type, Any] = {
    CacheEvent: _fold_cache,
    HttpEvent: _fold_http,
    PredictionEvent: _fold_prediction,
}
