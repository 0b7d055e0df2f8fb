"""Folds connection events: the hot path of a busy gateway.

A route binds the raw label values of an event to the children that it feeds, so that an event costs
one look-up; labels are cleaned and budgets asked only when a route is made.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from sys import intern

from exporter import conventions as series
from exporter.conventions import LATENCY_BUCKETS
from exporter.events import ConnectionEvent
from exporter.fold.children import Child, Gauge, Histogram
from exporter.fold.labels import clean, error_type
from exporter.fold.operations import Outcome, operation_outcome
from exporter.fold.series_labels import connection_labels
from exporter.fold.state import State

Key = tuple[str, str, str | None, str | None]

_NEITHER_BYTES_NOR_TIME = {"duration_recorded"}
MOST_ROUTES = 50_000


class Route:
    """The children that events with the same labels feed; made anew each time where a budget is spent."""

    __slots__ = (
        "bytes", "events", "failing", "generation", "labels", "last", "measured", "operations", "outcomes", "response",
    )  # fmt: skip

    def __init__(self, state: State, key: Key) -> None:
        self.labels = connection_labels(*key)
        direction = self.labels[1]
        self.failing = direction == "error"
        self.measured = direction not in _NEITHER_BYTES_NOR_TIME
        self.events = state.child(series.CONNECTION_EVENTS, self.labels)
        if self.events.labels == self.labels:
            self.labels = self.events.labels
        self.last = state.child(series.CONNECTION_LAST_EVENT, self.labels[:1])
        self.bytes: Child | None = None
        self.response: Histogram | None = None
        self.outcomes = _outcomes(direction)
        self.operations: dict[Outcome, Child] = {}
        self.generation = state.generation

    def wake(self, state: State) -> None:
        """Marks what the route feeds as changed, once after each time that it was shown or saved."""
        state.touch(self.events)
        state.touch(self.last)
        if self.bytes is not None:
            state.touch(self.bytes)
        if self.response is not None:
            state.touch(self.response)
        for operation in self.operations.values():
            state.touch(operation)
        self.generation = state.generation

    def open_bytes(self, state: State) -> Child:
        """The child that counts this route's bytes, from the first event that has some."""
        self.bytes = state.child(series.CONNECTION_BYTES, self.labels[:2])
        return self.bytes

    def open_response(self, state: State) -> Histogram:
        """The child that times this route, from the first event that is timed; asked again if it overflows."""
        kind, _, _, function = self.labels
        child = state.child(series.CONNECTION_RESPONSE, (kind, function))
        assert isinstance(child, Histogram)  # noqa: S101 - the catalogue says so
        if child.labels == (kind, function):
            self.response = child
        return child

    def open_operation(self, state: State, outcome: Outcome) -> Child:
        """Return the child that counts this route's operations with that outcome; not kept while it overflows."""
        kind, _, _, function = self.labels
        child = state.child(series.CONNECTION_OPERATIONS, (kind, function, outcome))
        if child.labels == (kind, function, outcome):
            self.operations[outcome] = child
        return child

    def may_be_kept(self) -> bool:
        """Whether the same key always leads here: nothing became `other` or `invalid` on the way."""
        return self.events.labels == self.labels and series.INVALID not in self.labels


Routes = dict[Key, Route]


def fold_connections(state: State, routes: Routes, events: Iterable[ConnectionEvent], received: float) -> None:
    """Counts, sizes and times connection events that arrived at `received` (Unix seconds)."""
    generation = state.generation
    for event in events:
        key = (event.connection_type, event.direction, event.script_name, event.function_name)
        route = routes.get(key) or _route(state, routes, key)
        if route.generation != generation:
            route.wake(state)
        route.events.value += 1
        size = event.data_size_bytes
        if size and route.measured:
            (route.bytes or route.open_bytes(state)).value += size
        milliseconds = event.response_time_ms
        if milliseconds is not None and route.measured:
            response = route.response or route.open_response(state)
            seconds = milliseconds / 1000
            response.counts[bisect_left(LATENCY_BUCKETS, seconds)] += 1
            response.value += seconds
        if event.timestamp > route.last.value:
            _arrive(route.last, event.timestamp, received)
        failed = bool(event.error) or route.failing
        outcome = route.outcomes[failed][milliseconds is not None]
        if outcome:
            (route.operations.get(outcome) or route.open_operation(state, outcome)).value += 1
        if failed:
            _fail(state, route, event)


def _outcomes(direction: str) -> tuple[tuple[Outcome | None, ...], ...]:
    """Return the outcomes of events of a direction, by whether they failed and by whether they are timed."""
    return tuple(
        tuple(operation_outcome(direction, failed=failed, timed=timed) for timed in (False, True))
        for failed in (False, True)
    )


def _route(state: State, routes: Routes, key: Key) -> Route:
    route = Route(state, key)
    if len(routes) < MOST_ROUTES and route.may_be_kept():
        routes[_interned(key)] = route
    return route


def _interned(key: Key) -> Key:
    """The key in strings that the children's labels share."""
    kind, direction, script, function = key
    return intern(kind), intern(direction), script and intern(script), function and intern(function)


def _arrive(last: Child, timestamp: float, received: float) -> None:
    assert isinstance(last, Gauge)  # noqa: S101 - the catalogue says so
    last.value = timestamp
    last.readings[""] = (timestamp, received, timestamp)


def _fail(state: State, route: Route, event: ConnectionEvent) -> None:
    kind, _, script, function = route.labels
    cause = clean(event.error_type) if event.error_type else error_type(event.error)
    state.add(series.CONNECTION_ERRORS, (kind, script, function, cause))
