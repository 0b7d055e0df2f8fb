"""What fires now and fired before, and whether it would be told."""

from __future__ import annotations

from grafana import alert_queries as queries
from grafana.panels import Json, Line, Query, alert_list, colours, fields, filled_by, line, stat, state_timeline
from grafana.panels.filling import ACKNOWLEDGED, RESOLVED

_FIRES = {1: ("fires", colours.GOOD)}


def lines() -> list[Line]:
    """Five cards, and the alerts: those of now beside those of the time range."""
    return [
        line(
            5,
            _firing(),
            _waiting(),
            _alerting(),
            filled_by(ACKNOWLEDGED, _to_acknowledge()),
            filled_by(RESOLVED, _to_resolve()),
            widths=(4, 4, 6, 5, 5),
        ),
        line(10, _list(), _timeline(), widths=(8, 16)),
    ]


def _firing() -> Json:
    return stat(
        "Firing",
        "Alerts that fire, by severity. Critical: act at once. Warning: today. Info: when there is time. No data: "
        "Prometheus evaluates no rules, so nothing would fire; read its log.",
        queries.FIRING_NOW,
        unit="none",
        named=True,
        overrides=fields.counts(colours.WORST, colours.UNKNOWN),
    )


def _waiting() -> Json:
    return stat(
        "Not acknowledged",
        "Alerts that last and that nobody has said to look after. Choose the worst, say so with `POST "
        "/auditor/acknowledge`, which also silences it, and open its runbook.",
        queries.WAITING,
        unit="none",
        named=True,
        overrides=fields.counts(colours.WORST, colours.UNKNOWN),
    )


def _alerting() -> Json:
    return stat(
        "Alerting itself",
        "Watchdog always fires: without it nothing would. No Alertmanager: nobody is told, see its log. Not told: "
        "alerts that are silenced or explained by a worse one; look whether each silence is still meant.",
        queries.ALERTING,
        unit="none",
        named=True,
        overrides=[fields.override("Watchdog", mappings=[fields.mapping(_FIRES)])],
    )


def _to_acknowledge() -> Json:
    return _took(
        "Time to acknowledge",
        "From an alert's start until somebody said to look after it, of those that were acknowledged in this time "
        "range. Longer than you promise: page somebody sooner, or have fewer alerts.",
        queries.TO_ACKNOWLEDGE,
    )


def _to_resolve() -> Json:
    return _took(
        "Time to resolve",
        "From an alert's start to its end, of those that ended in this time range. Half of them over in a minute: "
        "they end by themselves, so let them wait longer before they fire.",
        queries.TO_RESOLVE,
    )


def _took(title: str, description: str, asked: list[Query]) -> Json:
    return stat(
        title,
        description,
        asked,
        unit="s",
        decimals=1,
        named=True,
    )


def _list() -> Json:
    return alert_list(
        "Firing and pending",
        "Start with the topmost: its runbook says what to check and what to do. An empty list means that nothing "
        "fires; see that Watchdog does. It shows all services, whatever is chosen above.",
        only='{alertname!="Watchdog"}',
        most=50,
    )


def _timeline() -> Json:
    return state_timeline(
        "Firing over time",
        "The worst state of each alert. Which was first? It is likely the cause of those below it. A gap of Watchdog: "
        "nobody was watching. Short bars again and again: noise, see below.",
        queries.STATES,
        [fields.mapping(colours.FIRING)],
    )
