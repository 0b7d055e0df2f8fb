"""What is counted of observations: by triggers, so that whatever changes a row is counted once, with the change.

Counts outlive the observations, and only grow: one that fires on after its end has two ends. The triggers are those
of the connection that writes, and are gone with it: an older version of the exporter finds none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple

from exporter.conventions import REACTION_BUCKETS

ACKNOWLEDGED, RESOLVED = "acknowledged", "resolved"


def _took(until: str) -> str:
    """Notes under the lowest bound that is not passed how long it took."""
    return f"""
    INSERT INTO observed_seconds (until, severity, bound, count, seconds)
    SELECT '{until}', new.severity, bound_of(took), 1, took
    FROM (SELECT max(0, new.{until}_at - new.started_at) AS took) WHERE true
    ON CONFLICT (until, severity, bound) DO UPDATE SET count = count + 1, seconds = seconds + excluded.seconds;
    """  # noqa: S608 - our own words


def _ended(acknowledged: str) -> str:
    """Return the statement that counts an end under the alert's name."""
    return f"""
    INSERT INTO ended_alert (alertname, acknowledged, ended) VALUES (new.metric_name, {acknowledged}, 1)
    ON CONFLICT (alertname, acknowledged) DO UPDATE SET ended = ended + 1;
    """  # noqa: S608 - our own words


_BOTH = "(SELECT 0 AS acknowledged UNION ALL SELECT 1)"
"""An alert is known by both counts from its first observation on, so that its first end is an increase."""

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS observed (
    severity TEXT NOT NULL, category TEXT NOT NULL, seen INTEGER NOT NULL DEFAULT 0,
    acknowledged INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (severity, category)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS observed_alert (
    alertname TEXT PRIMARY KEY, acknowledged INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ended_alert (
    alertname TEXT NOT NULL, acknowledged INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (alertname, acknowledged)) WITHOUT ROWID;
INSERT INTO ended_alert (alertname, acknowledged)
SELECT alertname, both.acknowledged FROM observed_alert, {_BOTH} AS both WHERE true ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS observed_seconds (
    until TEXT NOT NULL, severity TEXT NOT NULL, bound REAL NOT NULL, count INTEGER NOT NULL, seconds REAL NOT NULL,
    PRIMARY KEY (until, severity, bound)) WITHOUT ROWID;

CREATE TEMP TRIGGER observation_began AFTER INSERT ON observation BEGIN
    INSERT INTO observed (severity, category, seen) VALUES (new.severity, new.category, 1)
    ON CONFLICT (severity, category) DO UPDATE SET seen = seen + 1;
    INSERT INTO observed_alert (alertname) VALUES (new.metric_name) ON CONFLICT DO NOTHING;
    INSERT INTO ended_alert (alertname, acknowledged)
    SELECT new.metric_name, acknowledged FROM {_BOTH} WHERE true ON CONFLICT DO NOTHING;
END;
CREATE TEMP TRIGGER observation_began_and_ended AFTER INSERT ON observation
WHEN new.resolved_at IS NOT NULL BEGIN
    {_took(RESOLVED)}
    {_ended("0")}
END;
CREATE TEMP TRIGGER observation_ended AFTER UPDATE OF resolved_at ON observation
WHEN old.resolved_at IS NULL AND new.resolved_at IS NOT NULL BEGIN
    {_took(RESOLVED)}
    {_ended("new.acknowledged_at IS NOT NULL")}
END;
CREATE TEMP TRIGGER observation_acknowledged AFTER UPDATE OF acknowledged_at ON observation
WHEN old.acknowledged_at IS NULL AND new.acknowledged_at IS NOT NULL BEGIN
    UPDATE observed SET acknowledged = acknowledged + 1 WHERE severity = new.severity AND category = new.category;
    INSERT INTO observed_alert (alertname, acknowledged) VALUES (new.metric_name, 1)
    ON CONFLICT (alertname) DO UPDATE SET acknowledged = acknowledged + 1;
    {_took(ACKNOWLEDGED)}
END;
"""  # noqa: S608 - our own words

_KINDS = "SELECT severity, category, seen, acknowledged FROM observed"
_WAITING = """
SELECT severity, category, count(*) FROM observation
WHERE resolved_at IS NULL AND acknowledged_at IS NULL GROUP BY severity, category
"""
_ALERTS = "SELECT alertname, acknowledged FROM observed_alert ORDER BY acknowledged DESC, alertname LIMIT 1000"
"""Names come from outside, so not all of them are told."""
_ENDED = """
SELECT alertname, e.acknowledged, ended FROM ended_alert e JOIN observed_alert o USING (alertname)
ORDER BY o.acknowledged DESC, alertname, e.acknowledged LIMIT 2000
"""
_TOOK = "SELECT until, severity, bound, count, seconds FROM observed_seconds"

Kind = tuple[str, str]
"""Severity and category."""


def start_counting(connection: sqlite3.Connection) -> None:
    """Counts what `connection` changes in the table `observation`, which is there."""
    connection.create_function("bound_of", 1, _bound_of, deterministic=True)
    connection.executescript(_SCHEMA)


def _bound_of(seconds: float) -> float:
    return next((bound for bound in REACTION_BUCKETS if seconds <= bound), inf)


class Taken(NamedTuple):
    """How many took at most the seconds of a bucket and more than those of the one below, and their seconds."""

    number: int
    seconds: float


class Counts(NamedTuple):
    """Observations that were ever kept, ever acknowledged, or wait for it; `took` is by what was waited for.

    `ended_alerts` is by the alert's name and whether somebody had acknowledged it.
    """

    seen: dict[Kind, int]
    acknowledged: dict[Kind, int]
    waiting: dict[Kind, int]
    acknowledged_alerts: dict[str, int]
    ended_alerts: dict[tuple[str, bool], int]
    took: dict[tuple[str, str], dict[float, Taken]]


def counts(read: Callable[[str], list[Any]]) -> Counts:
    """All counts; `read` returns the rows of a statement."""
    kinds = read(_KINDS)
    took: dict[tuple[str, str], dict[float, Taken]] = {}
    for until, severity, bound, count, seconds in read(_TOOK):
        took.setdefault((until, severity), {})[bound] = Taken(count, seconds)
    return Counts(
        seen={(severity, category): seen for severity, category, seen, _ in kinds},
        acknowledged={(severity, category): number for severity, category, _, number in kinds},
        waiting={(severity, category): count for severity, category, count in read(_WAITING)},
        acknowledged_alerts=dict(read(_ALERTS)),
        ended_alerts={(name, bool(acknowledged)): ended for name, acknowledged, ended in read(_ENDED)},
        took=took,
    )
