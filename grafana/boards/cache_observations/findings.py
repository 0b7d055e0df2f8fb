"""What is unusual, and what to do about it."""

from __future__ import annotations

from grafana import cache_sql as queries
from grafana.boards.cache_observations import baselines
from grafana.panels import MOMENT, Json, Line, colours, fields, line, lines_filled_by, stat, steps, table
from grafana.panels.filling import BASELINES

_SHARE = {"unit": "percentunit", "decimals": 1}
_STATES = {
    "open": ("open", colours.WARNING),
    "acknowledged": ("acknowledged", colours.NEUTRAL),
    "resolved": ("resolved", colours.GOOD),
}
_DAY_S = 86_400
_ALONE = {
    "title": "It alone",
    "url": "/d/exai-semantic-cache?${__url_time_range}&var-implementation=${__value.raw}",
}


def lines() -> list[Line]:
    """Three cards, and the observations."""
    found = [line(4, _open(), _unseen(), baselines.age()), line(11, _observations())]
    return lines_filled_by(BASELINES, found)


def _open() -> Json:
    return stat(
        "Open observations",
        "What is unusual now, by severity. Critical: act at once. Warning: today. Info: better than usual; see "
        "whether something was meant to change.",
        [queries.OPEN],
        unit="none",
        named=True,
        overrides=fields.counts(colours.WORST, colours.GOOD),
    )


def _unseen() -> Json:
    return stat(
        "Waiting",
        "Open observations that nobody has acknowledged, and for how long the oldest has been open. Open for days: "
        "either it is normal by now, then compute a new baseline, or it was forgotten.",
        [queries.UNSEEN],
        unit="none",
        named=True,
        thresholds=steps(colours.GOOD, (1, colours.WARNING)),
        overrides=[
            fields.override("oldest open", unit="s", decimals=0, thresholds=baselines.after(_DAY_S, 7 * _DAY_S))
        ],
    )


def _observations() -> Json:
    return table(
        "Observations",
        "What deviated from its baseline: the open ones first, then those that ended in this time range. Do what "
        "stands under What to do; acknowledge what you work on, so that others see it.",
        [queries.OBSERVATIONS],
        columns={
            "state": "State",
            "severity": "Severity",
            "subject": "About",
            "metric_name": "Metric",
            "metric_value": "Value",
            "baseline_value": "Normal",
            "deviation": "Deviation",
            "started_at": "Since",
            "resolved_at": "Until",
            "title": "What",
            "recommendation": "What to do",
        },
        overrides=[
            fields.override("State", custom__width=110, **fields.named(_STATES)),
            fields.override("Severity", custom__width=90, **fields.named(colours.SEVERITIES, filled=True)),
            fields.override("About", custom__width=90, links=[_ALONE]),
            fields.override("Metric", custom__width=175),
            fields.override("Value", unit="none", decimals=2, custom__width=80),
            fields.override("Normal", unit="none", decimals=2, custom__width=80),
            fields.override("Deviation", custom__width=90, **_SHARE),
            fields.override("Since", custom__width=155, unit=MOMENT),
            fields.override("Until", custom__width=155, unit=MOMENT),
            fields.override("What", custom__width=220, custom__wrapText=True),
            fields.override("What to do", custom__wrapText=True),
        ],
    )
