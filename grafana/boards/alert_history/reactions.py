"""How many alerts there are, and how soon people react."""

from __future__ import annotations

from grafana import alert_sql as queries
from grafana.panels import Json, Line, SqlQuery, colours, fields, filled_by, line, stat, steps, timeseries
from grafana.panels.filling import ACKNOWLEDGED, RESOLVED

_HOUR_S, _DAY_S = 3600, 86_400


def lines() -> list[Line]:
    """Five cards, and the alerts that began."""
    return [
        line(
            4,
            _open(),
            _unseen(),
            _seen(),
            filled_by(ACKNOWLEDGED, _to_acknowledge()),
            filled_by(RESOLVED, _to_resolve()),
            widths=(4, 5, 5, 5, 5),
        ),
        line(7, _began()),
    ]


def _open() -> Json:
    return stat(
        "Open",
        "Alerts that last, by severity. Critical: act at once. Warning: today. Info: when there is time.",
        [queries.OPEN],
        unit="none",
        named=True,
        overrides=fields.counts(colours.WORST, colours.UNKNOWN),
    )


def _unseen() -> Json:
    ages = {"mode": "absolute", "steps": steps(colours.GOOD, (_HOUR_S, colours.WARNING), (_DAY_S, colours.BAD))}
    return stat(
        "Nobody looks after",
        "Open alerts that are not acknowledged, and for how long the oldest has lasted. Hours: either mend it, or "
        "have it fire later; an alert that may last unseen is none.",
        [queries.UNSEEN],
        unit="none",
        named=True,
        thresholds=steps(colours.GOOD, (1, colours.WARNING)),
        overrides=[fields.override("oldest", unit="s", decimals=0, thresholds=ages)],
    )


def _seen() -> Json:
    return stat(
        "In 30 days",
        "How many alerts began, and which share somebody acknowledged. A small share: most are noise; see below which.",
        [queries.SEEN],
        unit="none",
        named=True,
        overrides=[fields.override("acknowledged", unit="percentunit", decimals=0, mappings=[fields.NONE])],
    )


def _to_acknowledge() -> Json:
    return _took(
        "Time until acknowledged",
        "Of alerts that began in the 30 days before the end of this time range: from their start until somebody said "
        "to look after them. Longer than you promise: page somebody sooner, or have fewer alerts.",
        queries.TO_ACKNOWLEDGE,
    )


def _to_resolve() -> Json:
    return _took(
        "Time until resolved",
        "Of the same alerts: from their start to their end. Half of them over in a minute or two: they end by "
        "themselves; have them wait longer before they fire.",
        queries.TO_RESOLVE,
    )


def _took(title: str, description: str, asked: SqlQuery) -> Json:
    seconds = [
        fields.override(name, unit="s", decimals=1, mappings=[fields.NONE]) for name in ("half within", "95 % within")
    ]
    return stat(title, description, [asked], unit="none", named=True, overrides=seconds)


def _began() -> Json:
    return timeseries(
        "Alerts that began",
        "In each forty-eighth of this time range, by severity; the last one is not over. A peak: one cause; the "
        "history below says which alert was first. Every day at the same hour: see what runs then.",
        [queries.BEGAN],
        unit="none",
        stacked=True,
        overrides=[
            *fields.by_pattern({f"/^{name}$/": color for name, color in colours.WORST.items()}),
            *(fields.override(name, custom__drawStyle="bars") for name in colours.WORST),
        ],
    )
