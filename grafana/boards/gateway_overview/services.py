"""The five services: how they are now, since when, what fails and how long it takes."""

from __future__ import annotations

from grafanalib import core

from grafana import queries
from grafana.panels import (
    Json,
    Line,
    alert_list,
    bar_gauge,
    colours,
    line,
    stat,
    state_timeline,
    steps,
    timeseries,
)

UID = "exai-gateway-overview"
_STATES = [colours.mapping(colours.STATES)]
_REQUESTS = "suffix:req/s"


def lines() -> list[Line]:
    """The cards, the states with the alerts, the requests, and the latencies."""
    return [
        line(6, *map(_card, colours.SERVICES), _alert_counts()),
        line(7, _states(), _alerts(), widths=(16, 8)),
        line(8, _requests(), _error_ratio(), _top_errors()),
        line(8, _latency(), _latency_by_service(), _active_connections()),
    ]


def _card(service: str) -> Json:
    alone = f"/d/{UID}?${{__url_time_range}}&var-service={service}"
    return stat(
        service,
        f"{service} in the last minute. Degraded or down: click to see it alone, then read what fails and "
        "how long it takes. Unknown: nothing was heard from it; look whether the gateway runs and its "
        "source is up.",
        queries.card(service),
        unit="short",
        named=True,
        filled=True,
        links=[core.DataLink(title=f"Show {service} alone", linkUrl=alone)],
        overrides=[
            colours.override("state", mappings=_STATES),
            colours.override("rate", unit=_REQUESTS, decimals=1),
            colours.override("errors", unit="percentunit", decimals=1, mappings=[colours.IDLE]),
            colours.override("p95", unit="s", decimals=1, mappings=[colours.IDLE]),
        ],
    )


def _alert_counts() -> Json:
    return stat(
        "alerts",
        "Alerts that fire now. Critical: act at once. Warning: today. Info: when there is time. "
        "Rules down: Prometheus evaluates none, so nothing would fire; read its log.",
        queries.ALERTS_BY_SEVERITY,
        unit="none",
        named=True,
        filled=True,
        overrides=[
            colours.override("rules", mappings=[colours.mapping(colours.REACHED)]),
            _count("critical", colours.BAD),
            _count("warning", colours.WARNING),
            _count("info", colours.NEUTRAL),
        ],
    )


def _count(severity: str, color: str) -> Json:
    thresholds = {"mode": "absolute", "steps": steps(colours.CLEAR, (1, color))}
    return colours.override(severity, color={"mode": "thresholds"}, thresholds=thresholds)


def _states() -> Json:
    return state_timeline(
        "State of the services",
        "Since when a service is not up. What else changed at that moment? The crosshair shows it on every "
        "panel below.",
        queries.SERVICE_STATES,
        _STATES,
    )


def _alerts() -> Json:
    return alert_list(
        "Firing and pending alerts",
        "Start with the topmost. Its runbook says what to check and what to do; silence it while you work on it.",
        only='{alertname!="Watchdog"}',
    )


def _requests() -> Json:
    return timeseries(
        "Requests by outcome",
        "What the gateway sent and received, and what of it failed; model calls have panels of their own "
        "below. If all of it falls to nothing, the gateway or its way to the exporter is cut.",
        queries.REQUESTS_BY_OUTCOME,
        unit=_REQUESTS,
        colors=colours.OUTCOMES,
        stacked=True,
    )


def _error_ratio() -> Json:
    return timeseries(
        "Error ratio",
        "Failed over all requests of a service. One service: look at it and its provider. "
        "All at once: look at the network and at the host.",
        queries.ERROR_RATIO,
        unit="percentunit",
        colors=colours.SERVICES,
    )


def _top_errors() -> Json:
    return bar_gauge(
        "Most frequent errors",
        "How often each kind of error came in the time range. Timeouts: compare latency. "
        "Refused or reset connections: is the service up? Rate limits: slow the callers down.",
        queries.TOP_ERRORS,
        unit="none",
        decimals=0,
        thresholds=steps(colours.GOOD, (0.5, colours.BAD)),
    )


def _latency() -> Json:
    return timeseries(
        "Latency",
        "Seconds until a connection answered. p99 alone: a few slow callers or functions. p50 as well: all "
        "are slow; find the service on the right.",
        queries.LATENCY,
        unit="s",
        logarithmic=True,
        colors=colours.QUANTILES,
    )


def _latency_by_service() -> Json:
    return timeseries(
        "Latency p95 by service",
        "Which service makes the gateway slow. Compare with its error ratio: slow and failing means "
        "overload or an outage, slow alone means waiting.",
        queries.LATENCY_BY_SERVICE,
        unit="s",
        logarithmic=True,
        colors=colours.SERVICES,
    )


def _active_connections() -> Json:
    return timeseries(
        "Active connections",
        "Connections open now. Rising without more requests: they are not closed; restart the gateway "
        "before it runs out. Falling to nothing: callers cannot reach it.",
        queries.ACTIVE_CONNECTIONS,
        unit="short",
        colors=colours.SERVICES,
    )
