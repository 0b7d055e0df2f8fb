"""The hops of the five services: their operations, what fails and how long it takes."""

from __future__ import annotations

from grafanalib import core

from grafana import overview_queries as queries
from grafana.boards.gateway_overview import hops
from grafana.boards.gateway_overview.headline import STATES
from grafana.panels import (
    MOMENT_AGO,
    Json,
    Line,
    bar_gauge,
    colours,
    fields,
    line,
    repeated,
    section,
    stat,
    steps,
    timeseries,
)

UID = "exai-gateway-overview"
_OPERATIONS = "suffix:op/s"
_USUAL = fields.bands(*colours.SERVICES)


def lines() -> list[Line]:
    """Return a heading, the cards, the traffic, and what fails or is slow."""
    return [
        section("Hops: operations of connections, sockets and stores"),
        hops.cards(),
        line(6, repeated(_card(), "service")),
        line(8, _operations(), _traffic(), _active_connections()),
        line(8, _error_ratio(), _latency_by_service(), _top_errors()),
    ]


def _card() -> Json:
    return stat(
        "$service",
        "One service in the last minute. Degraded or down: click to see it alone, then read what fails and "
        "how long it takes. Unknown: nothing was heard from it; look whether the gateway runs and its "
        "source is up.",
        queries.SERVICE_CARD,
        unit="short",
        named=True,
        filled=True,
        links=[
            _of_service("Show $service alone", UID),
            _of_service("What fails in $service", "exai-errors"),
            _of_service("$service against yesterday and last week", "exai-compare"),
        ],
        overrides=[
            fields.override("state", mappings=STATES),
            fields.override("rate", unit=_OPERATIONS, decimals=1),
            fields.override("errors", unit="percentunit", decimals=1),
            fields.override("p95", unit="s", decimals=1),
            fields.override("last event", unit=MOMENT_AGO),
        ],
    )


def _of_service(title: str, uid: str) -> core.DataLink:
    """A link to a board with the service of the card, and with time and variables of this board."""
    kept = "&".join(f"${{{name}:queryparam}}" for name in ("datasource", "provider", "model"))
    return core.DataLink(title=title, linkUrl=f"/d/{uid}?${{__url_time_range}}&{kept}&var-service=$service")


def _operations() -> Json:
    return timeseries(
        "Operations by outcome",
        "Operations of the gateway's connections, each counted once, when it ends. Refused ones hit a limit of the "
        "gateway's own, and are in no error ratio. If all fall to nothing, the gateway or its way to the exporter is "
        "cut.",
        queries.OPERATIONS_BY_OUTCOME,
        unit=_OPERATIONS,
        colors=colours.OUTCOMES,
        stacked=True,
    )


def _traffic() -> Json:
    return timeseries(
        "Events against what is usual",
        "Events of each service, of five minutes; the band is what is usual at this hour of the week, and needs some "
        "days to be learned. Below it: callers are missing. Above it: look who sends more, before limits are reached.",
        queries.TRAFFIC,
        unit="suffix:ev/s",
        colors=colours.SERVICES,
        overrides=_USUAL,
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


def _error_ratio() -> Json:
    return timeseries(
        "Error ratio",
        "Share of a service's operations that fail, the band that is usual for it, and dashed where the alert begins. "
        "One service: look at it and its provider. All at once: look at the network and at the host.",
        queries.ERROR_RATIO,
        unit="percentunit",
        colors=colours.SERVICES,
        overrides=_USUAL,
        alerts=queries.ERROR_RATIO_ALERT,
    )


def _latency_by_service() -> Json:
    return timeseries(
        "Latency p95 by service",
        "Which service makes the gateway slow; the band is what is usual for it, dashed where the alert of each "
        "begins. Slow and failing means overload or an outage, slow alone means waiting.",
        queries.LATENCY_BY_SERVICE,
        unit="s",
        logarithmic=True,
        colors=colours.SERVICES,
        overrides=_USUAL,
        alerts=queries.LATENCY_ALERT,
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
