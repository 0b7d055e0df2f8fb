"""The truth about the board "Alerts and auditor", as Alertmanager tells it.

Prometheus looks at its rules every 5 s, Alertmanager tells the exporter within 15 s, and is itself scraped every 15 s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from exporter.conventions import REACTION_BUCKETS
from tests.incidents import expected
from tests.incidents.alert_log import Alerts
from tests.incidents.boards.alert_history import OVER_AFTER_S, number
from tests.incidents.expected import Expected, Rows
from tests.incidents.figures import Figure, Figures, any_of, certain
from tests.incidents.moment import RANGE_S, Moment

UID = "exai-alerts"
NOISE = "Noise of each alert"

WORTH = {"info": 1, "warning": 2, "critical": 3}

_SCRAPED_WITHIN_S = 30
_KNOWN_TO_S = 3
_LOOKS_S = 15
"""The board looks so often at what has fired."""


def of_severity(severity: str) -> Callable[[Alerts], float]:
    """Return what counts the alerts of a severity, those that are held back too."""
    return lambda alerts: sum(alert["severity"] == severity for alert in alerts.firing)


def unacknowledged(severity: str) -> Figure:
    """Return the figure of the alerts of a severity that people were told of and nobody has acknowledged."""
    return lambda moment: expected.alone(number(moment, severity=severity))


def acknowledged(moment: Moment) -> Rows:
    """Return in which time an alert was acknowledged, if one was in the range."""
    lately = [each.after_s for each in moment.story.acknowledged if moment.at - RANGE_S < each.at <= moment.at]
    return expected.alone(within(lately)) if lately else {}


def resolved(moment: Moment) -> Rows:
    """Return in which time alerts were over, of those that ended lately; the newest may not be told yet."""
    ended = [alert for alert in moment.told_alerts() if alert["until"] < moment.at - OVER_AFTER_S]
    lasted = [alert["until"] - alert["since"] for alert in ended]
    return any_of(expected.alone(within(lasted)) if lasted else {})


def within(seconds: list[float]) -> Expected:
    """Return what lies in the buckets of these; they are known to a few seconds."""
    bounds = [0, *REACTION_BUCKETS]
    low, high = min(seconds) - _KNOWN_TO_S, max(seconds) + _KNOWN_TO_S
    return expected.Within(
        max(each for each in bounds if each <= max(0, low)), min(each for each in bounds if each >= high)
    )


def counted(count: Callable[[Alerts], float], within_s: float = 10) -> Figure:
    """Return the figure of what there was to count lately."""
    return lambda moment: expected.alone(expected.one_of(moment.told(count, within_s)))


def named(moment: Moment, within_s: float) -> dict[str, list[float]]:
    """Return how many alerts of a name fired each time that Alertmanager was asked lately."""
    asked = [Counter(alert["alertname"] for alert in alerts.everything) for alerts in moment.alerts(within_s)]
    return {name: [counts[name] for counts in asked] for name in set().union(*asked)}


def worst(moment: Moment) -> Rows:
    """Return how grave each alert was at worst; one that was over a minute ago may be in the range or not."""
    found: dict[str, int] = {}
    for alert in (alert for alerts in moment.alerts(RANGE_S + _LOOKS_S) for alert in alerts.everything):
        found[alert["alertname"]] = max(found.get(alert["alertname"], 0), WORTH.get(alert["severity"], 0))
    known = {name: worth for name, worth in found.items() if worth}
    return any_of(expected.by("alertname", {name: expected.Within(1, worth) for name, worth in known.items()}))


def each_alert(figure: Callable[[list[float]], Expected], within_s: float = RANGE_S + _LOOKS_S) -> Figure:
    """Return the figure that has a number for each alert which has fired lately."""
    return lambda moment: any_of(
        expected.by("alertname", {name: figure(counts) for name, counts in named(moment, within_s).items()})
    )


def began(counts: list[float]) -> Expected:
    """Return how often alerts began; one at the edge of the range may be in it or not."""
    rises = sum(max(0, after - before) for before, after in pairwise(counts))
    return expected.Within(0, rises + counts[0])


def lasted(counts: list[float]) -> Expected:
    """Return for how many seconds alerts have fired in all, seen every quarter of a minute."""
    seconds = sum(counts[-RANGE_S:])
    return expected.around(seconds, 2 * _LOOKS_S * max(counts))


def now(counts: list[float]) -> Expected:
    """Return how many fire now."""
    return expected.one_of(counts)


FIGURES: Figures = {
    ("Firing", "A"): counted(of_severity("critical")),
    ("Firing", "B"): counted(of_severity("warning")),
    ("Firing", "C"): counted(of_severity("info")),
    ("Not acknowledged", "A"): unacknowledged("critical"),
    ("Not acknowledged", "B"): unacknowledged("warning"),
    ("Not acknowledged", "C"): unacknowledged("info"),
    ("Alerting itself", "A"): certain(1),
    ("Alerting itself", "B"): certain(1),
    ("Alerting itself", "C"): counted(lambda alerts: len(alerts.held_back), _SCRAPED_WITHIN_S),
    ("Alerting itself", "D"): certain(0),
    ("Time to acknowledge", "A"): acknowledged,
    ("Time to acknowledge", "B"): acknowledged,
    ("Time to resolve", "A"): resolved,
    ("Time to resolve", "B"): resolved,
    (NOISE, "A"): worst,
    (NOISE, "B"): each_alert(began),
    (NOISE, "C"): each_alert(lasted),
    (NOISE, "D"): each_alert(now, 10),
    (NOISE, "E"): each_alert(lambda _: expected.Within(0, 1), 3600),
}
