"""The alerts one by one with what people said to them, and by name."""

from __future__ import annotations

from grafana import alert_sql as queries
from grafana.panels import MOMENT, Json, Line, colours, fields, line, table

_STATES = {
    "open": ("open", colours.WARNING),
    "acknowledged": ("acknowledged", colours.NEUTRAL),
    "resolved": ("resolved", colours.GOOD),
}
_WORST = {code: named for code, named in colours.FIRING.items() if code}


def lines() -> list[Line]:
    """The history above the noise."""
    return [line(12, _history()), line(9, _noise())]


def _history() -> Json:
    return table(
        "Alerts and what people said",
        "The open ones first, then the last 200 that began in the 30 days before the end of this time range. Has "
        "somebody noted what helped the last time? Do that, and note what helps now.",
        [queries.HISTORY],
        columns={
            "state": "State",
            "severity": "Severity",
            "metric_name": "Alert",
            "title": "What",
            "service": "Service",
            "started_at": "Since",
            "lasted": "For",
            "acknowledged_by": "Seen by",
            "waited": "After",
            "acknowledged_note": "Note",
            "recommendation": "What to do",
        },
        overrides=[
            fields.override("State", custom__width=115, **fields.named(_STATES)),
            fields.override("Severity", custom__width=80, **fields.named(colours.SEVERITIES, filled=True)),
            fields.override("Alert", custom__width=230),
            fields.override("What", custom__width=220, custom__wrapText=True),
            fields.override("Service", custom__width=85),
            fields.override("Since", custom__width=160, unit=MOMENT),
            fields.override("For", custom__width=80, unit="s", decimals=1),
            fields.override("Seen by", custom__width=130),
            fields.override("After", custom__width=80, unit="s", decimals=1),
            fields.override("Note", custom__width=180, custom__wrapText=True),
            fields.override("What to do", custom__wrapText=True),
        ],
    )


def _noise() -> Json:
    return table(
        "Noise by alert",
        "The alerts of the 30 days before the end of this time range, the most frequent first. Often, soon over and "
        "seldom acknowledged: raise its threshold, let it wait longer, or delete it.",
        [queries.NOISE],
        columns={
            "metric_name": "Alert",
            "worst": "Worst",
            "in_range": "In this range",
            "began": "In 30 days",
            "a_day": "A day",
            "lasted": "Lasted in all",
            "half_over": "Half over within",
            "acknowledged": "Acknowledged",
            "half_seen": "Half seen within",
            "last": "Last began",
        },
        overrides=[
            fields.override("Worst", custom__width=90, **fields.named(_WORST)),
            fields.override("In this range", custom__width=115, unit="none", decimals=0),
            fields.override("In 30 days", custom__width=100, unit="none", decimals=0),
            fields.override("A day", custom__width=80, unit="none", decimals=1),
            fields.override("Lasted in all", custom__width=120, unit="s", decimals=1),
            fields.override("Half over within", custom__width=140, unit="s", decimals=1),
            fields.override("Acknowledged", custom__width=120, unit="percentunit", decimals=0),
            fields.override("Half seen within", custom__width=140, unit="s", decimals=1),
            fields.override("Last began", custom__width=175, unit=MOMENT),
        ],
    )
