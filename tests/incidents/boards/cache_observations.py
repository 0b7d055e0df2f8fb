"""The truth about the board "Observations of the semantic cache": alerts about an implementation."""

from __future__ import annotations

from collections.abc import Sequence

from tests.incidents import expected
from tests.incidents.boards.alert_history import TOLD_WITHIN_S, open_alerts
from tests.incidents.expected import Expected
from tests.incidents.moment import Moment
from tests.incidents.rows import AnyRowsOf, Row, RowFigures
from tests.incidents.truth import Fields

UID = "exai-semantic-cache-observations"


def of_cache(moment: Moment, settled_s: float) -> list[Fields]:
    """Return the open alerts about a cache."""
    return [alert for alert in open_alerts(moment, settled_s) if alert.get("implementation", "all") != "all"]


def number(moment: Moment, severity: str = "") -> Expected:
    """Return how many were open lately."""
    counts = [
        sum(severity in ("", alert["severity"]) for alert in of_cache(moment, settled_s))
        for settled_s in range(-moment.read_after_s, TOLD_WITHIN_S)
    ]
    return expected.one_of(counts)


def opened(moment: Moment) -> Sequence[Row]:
    """Return how many are open."""
    return [{severity: number(moment, severity) for severity in ("critical", "warning", "info")}]


def waiting(moment: Moment) -> Sequence[Row]:
    """Return how many nobody has acknowledged."""
    return [{"not acknowledged": number(moment)}]


def no_baselines(_: Moment) -> Sequence[Row]:
    """Return that the gateway is too young for a baseline."""
    return [{"active": expected.one_of([0]), "oldest": None}]


def each_observation(moment: Moment) -> Sequence[Row]:
    """Return the alerts about a cache; the newest may not be there yet."""
    told = [alert for alert in moment.told_alerts(-moment.read_after_s) if alert.get("implementation", "all") != "all"]
    return AnyRowsOf({"severity": alert["severity"], "metric_name": alert["alertname"]} for alert in told)


def none(_: Moment) -> Sequence[Row]:
    """Return no row."""
    return []


ROWS: RowFigures = {
    ("Open observations", "A"): opened,
    ("Waiting", "A"): waiting,
    ("Observations", "A"): each_observation,
    ("Baselines", "A"): no_baselines,
    ("Baselines and those before", "A"): none,
}
