"""The truth about the board "Alert history", as Alertmanager tells it.

The exporter is told within 15 s, so what has changed since then may be there or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.incidents import expected
from tests.incidents.expected import Expected
from tests.incidents.moment import Moment
from tests.incidents.rows import AnyRowsOf, Row, RowFigures
from tests.incidents.truth import Fields

UID = "exai-alert-history"
TOLD_WITHIN_S = 25

OVER_AFTER_S = 3
"""An alert that Alertmanager has not had for so long is over."""


def open_alerts(moment: Moment, settled_s: float) -> list[Fields]:
    """Return the alerts that people were told of, and that still fired so many seconds ago."""
    told = moment.told_alerts(settled_s)
    return [alert for alert in told if alert["until"] > moment.at - settled_s - OVER_AFTER_S]


def number(moment: Moment, *, acknowledged: bool = False, **labels: str) -> Expected:
    """Return how many alerts with these labels were open lately, the acknowledged ones only if they are asked for."""
    seen = () if acknowledged else {each.id for each in moment.story.acknowledged}
    counts = [
        sum(labels.items() <= alert.items() and alert["id"] not in seen for alert in open_alerts(moment, settled_s))
        for settled_s in range(-moment.read_after_s, TOLD_WITHIN_S)
    ]
    return expected.one_of(counts)


def opened(moment: Moment) -> Sequence[Row]:
    """Return how many are open."""
    severities = ("critical", "warning", "info")
    return [{severity: number(moment, severity=severity, acknowledged=True) for severity in severities}]


def unattended(moment: Moment) -> Sequence[Row]:
    """Return how many of them nobody has acknowledged, and for how long the oldest one has been open."""
    ages = [moment.at - alert["since"] for alert in open_alerts(moment, 0)]
    oldest = max(ages, default=0)
    return [
        {"not acknowledged": number(moment), "oldest": expected.Within(0, oldest + TOLD_WITHIN_S + moment.read_after_s)}
    ]


def all_of_them(moment: Moment) -> Sequence[Row]:
    """Return how many there were."""
    counts = [len(moment.told_alerts(settled_s)) for settled_s in (-moment.read_after_s, TOLD_WITHIN_S)]
    return [{"alerts": expected.Within(min(counts), max(counts))}]


def acknowledged(moment: Moment) -> Sequence[Row]:
    """Return how many were acknowledged."""
    return [{"alerts": expected.one_of([len(moment.story.acknowledged)])}]


def resolved(moment: Moment) -> Sequence[Row]:
    """Return how many are over."""
    settled = (-moment.read_after_s, TOLD_WITHIN_S)
    over = [len(moment.told_alerts(seconds)) - len(open_alerts(moment, seconds)) for seconds in settled]
    return [{"alerts": expected.Within(min(over), max(over))}]


def each_alert(moment: Moment) -> Sequence[Row]:
    """Return the alerts; the newest may not be there yet."""
    return AnyRowsOf(
        {"metric_name": alert["alertname"], "severity": alert["severity"], "service": alert["service"]}
        for alert in moment.told_alerts(-moment.read_after_s)
    )


def by_name(moment: Moment) -> Sequence[Row]:
    """Return how often each alert began."""
    counts = Counter(alert["alertname"] for alert in moment.told_alerts(-moment.read_after_s))
    return AnyRowsOf({"metric_name": name, "began": expected.Within(1, count)} for name, count in counts.items())


ROWS: RowFigures = {
    ("Open", "A"): opened,
    ("Nobody looks after", "A"): unattended,
    ("In 30 days", "A"): all_of_them,
    ("Time until acknowledged", "A"): acknowledged,
    ("Time until resolved", "A"): resolved,
    ("Alerts and what people said", "A"): each_alert,
    ("Noise by alert", "A"): by_name,
}
