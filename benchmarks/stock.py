"""The peer on stock prometheus-client: the same events into the same families."""

from __future__ import annotations

import json
import re
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from exporter import conventions as series

_IDENTIFIER = re.compile(r"\s*([A-Za-z_][\w.]*)\s*:")


class Metrics:
    """The families that connection events feed, as an application would declare them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = self._counter(series.CONNECTION_EVENTS)
        self.bytes = self._counter(series.CONNECTION_BYTES)
        self.errors = self._counter(series.CONNECTION_ERRORS)
        self.operations = self._counter(series.CONNECTION_OPERATIONS)
        response, last = series.CONNECTION_RESPONSE, series.CONNECTION_LAST_EVENT
        self.response = Histogram(
            response.name, response.help, response.labels, buckets=response.buckets, registry=self.registry
        )
        self.last = Gauge(last.name, last.help, last.labels, registry=self.registry)

    def _counter(self, family: series.Family) -> Counter:
        return Counter(family.name, family.help, family.labels, registry=self.registry)


class WithLabels:
    """Asks each family for its child at every event."""

    def __init__(self) -> None:
        self.metrics = Metrics()

    def take(self, batch: bytes) -> None:
        """Decodes and counts a batch."""
        metrics = self.metrics
        for event in json.loads(batch):
            kind, direction = event["connection_type"], event["direction"]
            script, function = event["script_name"], event["function_name"]
            metrics.events.labels(kind, direction, script, function).inc()
            metrics.bytes.labels(kind, direction).inc(event["data_size_bytes"])
            if "response_time_ms" in event:
                metrics.response.labels(kind, function).observe(event["response_time_ms"] / 1000)
            metrics.last.labels(kind).set(event["timestamp"])
            if outcome := outcome_of(event):
                metrics.operations.labels(kind, function, outcome).inc()
            if outcome == "error":
                metrics.errors.labels(kind, script, function, error_type(event)).inc()


class WithCachedChildren:
    """Keeps the children of a label set in a dictionary, which asks for them once."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self._children: dict[tuple[str, str, str, str], tuple[Counter, Counter, Histogram, Gauge]] = {}

    def take(self, batch: bytes) -> None:
        """Decodes and counts a batch."""
        for event in json.loads(batch):
            key = (event["connection_type"], event["direction"], event["script_name"], event["function_name"])
            found = self._children.get(key) or self._find(key)
            events, sizes, response, last = found
            events.inc()
            sizes.inc(event["data_size_bytes"])
            if "response_time_ms" in event:
                response.observe(event["response_time_ms"] / 1000)
            last.set(event["timestamp"])
            if outcome := outcome_of(event):
                self.metrics.operations.labels(key[0], key[3], outcome).inc()
            if outcome == "error":
                self.metrics.errors.labels(key[0], key[2], key[3], error_type(event)).inc()

    def _find(self, key: tuple[str, str, str, str]) -> tuple[Counter, Counter, Histogram, Gauge]:
        kind, direction, _, function = key
        metrics = self.metrics
        found = (
            metrics.events.labels(*key),
            metrics.bytes.labels(kind, direction),
            metrics.response.labels(kind, function),
            metrics.last.labels(kind),
        )
        self._children[key] = found
        return found


def outcome_of(event: dict[str, Any]) -> str:
    """Return how the operation that an event ends has ended, "" where it ends none."""
    if "error" in event or event["direction"] == "error":
        return "error"
    return "ok" if "response_time_ms" in event or event["direction"] == "receive" else ""


def error_type(event: dict[str, Any]) -> str:
    """The identifier before the first colon of an error's text."""
    found = _IDENTIFIER.match(event.get("error", ""))
    return found.group(1) if found else series.UNKNOWN
