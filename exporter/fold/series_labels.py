"""The label values under which events of each kind are counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from exporter import conventions as series
from exporter.calls import TIMEOUT, failure_type, provider_of
from exporter.conventions import Family
from exporter.events import (
    CacheEvent,
    ConnectionEvent,
    DurationEvent,
    Event,
    HttpEvent,
    PredictionEvent,
    Reading,
    TraceEvent,
)
from exporter.fold.labels import clean
from exporter.gauge_values import SUBJECTS

_DIRECTIONS = {"inbound": "receive", "outbound": "send"}


def connection_labels(
    connection_type: str, direction: str, script: str | None, function: str | None
) -> tuple[str, str, str, str]:
    """Return type, direction, script and function of a connection event."""
    return clean(connection_type), clean(_DIRECTIONS.get(direction, direction)), clean(script), clean(function)


def call_labels(event: DurationEvent) -> tuple[str, str, str, str]:
    """Return operation, provider, model and error type of a model call."""
    model = clean(event.model)
    provider = clean(event.provider) if event.provider else provider_of(model)
    return clean(event.operation), provider, model, _call_error_type(event)


def _call_error_type(event: DurationEvent) -> str:
    if event.outcome == "ok":
        return ""
    return TIMEOUT if event.outcome == "timeout" else failure_type(event.error, event.error_type)


def cache_labels(event: CacheEvent) -> tuple[str, str]:
    """Return implementation and operation of a cache event."""
    return clean(event.implementation), event.operation


def trace_labels(event: TraceEvent) -> tuple[str, str]:
    """Return tool and status of a trace."""
    return clean(event.tool_name), clean(event.status)


def http_labels(event: HttpEvent) -> tuple[str, str, str, str]:
    """Return service, route, method and status of an HTTP request."""
    return clean(event.service), clean(event.route), clean(event.method), str(event.status)


def prediction_labels(event: PredictionEvent) -> tuple[str, str]:
    """Return service and model of a prediction."""
    return clean(event.service), clean(event.model)


def labels_of(event: Event) -> dict[str, str]:
    """Return the labels of the series that counts such events; of a reading, its subject and instance.

    Past a family's budget, the series itself shows `other` instead.
    """
    if isinstance(event, Reading):
        return {"subject": SUBJECTS[type(event.values)], "instance": clean(event.instance)}
    family, values = _COUNTED_BY[type(event)]
    return {label: value for label, value in zip(family.labels, values(event), strict=True) if value}


def _connection_labels(event: ConnectionEvent) -> tuple[str, str, str, str]:
    return connection_labels(event.connection_type, event.direction, event.script_name, event.function_name)


_COUNTED_BY: dict[type, tuple[Family, Callable[[Any], tuple[str, ...]]]] = {
    ConnectionEvent: (series.CONNECTION_EVENTS, _connection_labels),
    DurationEvent: (series.OPERATION_DURATION, call_labels),
    CacheEvent: (series.CACHE_OPERATIONS, cache_labels),
    TraceEvent: (series.REQUESTS, trace_labels),
    HttpEvent: (series.HTTP_REQUESTS, http_labels),
    PredictionEvent: (series.PREDICTIONS, prediction_labels),
}
