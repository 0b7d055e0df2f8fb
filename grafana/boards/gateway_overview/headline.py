"""The first lines of the overview: states, alerts, and how requests end."""

from __future__ import annotations

from grafana import overview_queries as queries
from grafana.panels import Json, Line, alert_list, colours, fields, line, link, stat, state_timeline, steps

STATES = [fields.mapping(colours.STATES)]
FAILED = steps(colours.GOOD, (0.02, colours.WARNING), (0.05, colours.BAD))
"""The share that an objective of 98 % allows, and where the alerts on failed operations and HTTP requests begin."""
_P95 = steps(colours.GOOD, (45, colours.WARNING))
"""Where the alert on slow models begins, because the slow part of a tool request is its model call."""


def lines() -> list[Line]:
    """Return the line that fits on the first screen of a phone, and what led to it."""
    return [
        line(5, _states_now(), _alerts_now(), _headline(), widths=(7, 6, 11)),
        line(7, _states(), _alerts(), widths=(16, 8)),
    ]


def _states_now() -> Json:
    return stat(
        "States now",
        "Whether each service is up. Degraded or down: see its card below. Unknown: nothing was heard from it.",
        queries.STATES_NOW,
        unit="none",
        named=True,
        mappings=STATES,
        links=[link("What fails", "exai-errors")],
    )


def _headline() -> Json:
    return stat(
        "What users feel",
        "Tool requests of the last 2 minutes if traces reached the exporter within the last hour, else model calls; "
        "each line says which. Failed: the share that ended in an error, a timeout or a cancellation. p95: 19 of 20 "
        "took no longer. Below 10 in 2 minutes, only the rate is shown. Red: see the states, then which tool or model "
        "fails.",
        queries.HEADLINE,
        unit="none",
        named=True,
        overrides=[
            _coloured("/ failed$/", "percentunit", FAILED),
            _coloured("/ p95$/", "suffix:s", _P95),
            fields.matching("/ a second$/", unit="suffix:/s", decimals=2),
        ],
        links=[
            link("Where the time goes", "exai-request-flow"),
            link("What fails", "exai-errors"),
            link("Providers and timeouts", "exai-providers-timeouts"),
        ],
    )


def _coloured(pattern: str, unit: str, by: list[Json]) -> Json:
    thresholds = {"mode": "absolute", "steps": by}
    return fields.matching(pattern, unit=unit, decimals=1, color={"mode": "thresholds"}, thresholds=thresholds)


def _alerts_now() -> Json:
    return stat(
        "Firing alerts",
        "Critical: act at once. Warning: today. Info: when there is time. No data: Prometheus evaluates no rules, "
        "so nothing would fire; read its log.",
        queries.ALERTS_BY_SEVERITY,
        unit="none",
        named=True,
        overrides=fields.counts(colours.WORST, colours.UNKNOWN),
        links=[link("Alerts and auditor", "exai-alerts"), link("Bundle health", "exai-bundle-health")],
    )


def _states() -> Json:
    return state_timeline(
        "State of the services",
        "Since when a service is not up. What else changed at that moment? The crosshair shows it on every "
        "panel below.",
        queries.SERVICE_STATES,
        STATES,
    )


def _alerts() -> Json:
    return alert_list(
        "Firing and pending alerts",
        "Start with the topmost. Its runbook says what to check and what to do; silence it while you work on it.",
        only='{alertname!="Watchdog"}',
    )
