"""Prometheus and Alertmanager: whether rules are evaluated in time, and people told."""

from __future__ import annotations

from grafana import bundle_queries as queries
from grafana.panels import Json, Line, colours, fields, line, section, timeseries

_MINUTE = "suffix:/min"


def lines() -> list[Line]:
    """A heading, what Prometheus takes and keeps, its rules, and Alertmanager."""
    return [
        section("Prometheus and Alertmanager"),
        line(7, _samples(), _head(), _wal(), _blocks(), widths=(6, 6, 6, 6)),
        line(7, _rules(), _failures(), widths=(14, 10)),
        line(7, _notifications(), _alerts(), widths=(14, 10)),
    ]


def _samples() -> Json:
    return timeseries(
        "Samples taken",
        "Samples a second, scraped and recorded. A drop to nothing: Prometheus takes none, and every board stands "
        "still; its disk may be full.",
        queries.SAMPLES,
        unit="suffix:/s",
        colors={"samples": colours.NEUTRAL},
    )


def _head() -> Json:
    return timeseries(
        "Series in memory",
        "Series that Prometheus holds in memory, some 4 KiB each. A slope that never ends: label values that come and "
        "go; compare the exporter's series.",
        queries.HEAD_SERIES,
        unit="short",
        colors={"in memory": colours.NEUTRAL},
    )


def _wal() -> Json:
    return timeseries(
        "Log written",
        "Bytes a second that Prometheus writes ahead, before it makes a block of two hours. Nothing while samples are "
        "taken: its disk does not take them.",
        queries.WAL,
        unit="Bps",
        colors={"write-ahead log": colours.NEUTRAL},
    )


def _blocks() -> Json:
    return timeseries(
        "Kept on disk",
        "Bytes of finished blocks; the first is made after some three hours. Growing past the disk: shorten the 40 "
        "days of the file prometheus/flags.",
        queries.BLOCKS,
        unit="bytes",
        colors={"blocks": colours.NEUTRAL},
    )


def _rules() -> Json:
    return timeseries(
        "Time of the rules",
        "Seconds that all groups of rules take, and the slowest; they are due every five. Nearing five: rules are "
        "skipped and alerts are late; Prometheus needs CPU, or fewer series.",
        queries.RULES,
        unit="s",
        colors={"all groups": colours.BLUE, "slowest group": colours.NEUTRAL},
    )


def _failures() -> Json:
    return timeseries(
        "Rules that failed",
        "Evaluations a minute that failed. More than none: an alert cannot fire; Prometheus' page of rules says which "
        "and why.",
        queries.RULE_FAILURES,
        unit=_MINUTE,
        colors={"rules": colours.BAD},
    )


def _notifications() -> Json:
    return timeseries(
        "Notifications",
        "Messages a minute by channel, the exporter's webhook among them, and those that failed. Failed: nobody is "
        "told; check the address and the secret, and send one with `alerts test`.",
        queries.NOTIFICATIONS,
        unit=_MINUTE,
        colors=colours.CHANNELS,
        overrides=fields.by_pattern({"/ failed$/": colours.BAD}),
    )


def _alerts() -> Json:
    return timeseries(
        "Alerts and silences",
        "What Alertmanager holds; Watchdog is always one of the active alerts. None: Prometheus cannot reach it. "
        "Suppressed: silenced, or explained by a worse one. A silence that outlives its work hides the next alert.",
        queries.ALERTS,
        unit="none",
        colors=colours.ALERT_STATES,
    )
