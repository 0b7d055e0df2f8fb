"""How often alerts come, and whether anybody cares."""

from __future__ import annotations

from grafana import alert_queries as queries
from grafana.panels import Json, Line, colours, fields, line, section, table, timeseries


def lines() -> list[Line]:
    """A heading, the alerts by their noise, and those that begin."""
    return [section("Noise"), line(9, _noise(), _began(), widths=(14, 10))]


def _noise() -> Json:
    return table(
        "Noise of each alert",
        "How often it began to fire in this time range, for each of its subjects, and for how long in all. "
        "Acknowledged: the share of those that ended in this time range, of all services. Often, short and never "
        "acknowledged: raise its threshold or the time that it waits. Watchdog always fires.",
        queries.NOISE,
        columns={
            "alertname": "Alert",
            "Value #A": "Worst",
            "Value #B": "Began",
            "Value #C": "Fired for",
            "Value #D": "Firing now",
            "Value #E": "Acknowledged",
        },
        overrides=[
            fields.override("Worst", custom__width=90, **fields.named(colours.FIRING)),
            fields.override("Began", unit="none", decimals=0, custom__width=80),
            fields.override("Fired for", unit="s", decimals=0, custom__width=110),
            fields.override("Firing now", unit="none", decimals=0, custom__width=100),
            fields.override("Acknowledged", unit="percentunit", decimals=0, custom__width=115),
        ],
        sort_by="Began",
    )


def _began() -> Json:
    by_severity = {f"{severity}/min": color for severity, color in colours.WORST.items()}
    return timeseries(
        "Alerts that begin",
        "Observations a minute by severity, and how many somebody acknowledged. Many at once: one cause; find what "
        "began first. Far more than are acknowledged: nobody reads them.",
        queries.BEGAN,
        unit="none",
        colors={**by_severity, "acknowledged/min": colours.GOOD},
    )
