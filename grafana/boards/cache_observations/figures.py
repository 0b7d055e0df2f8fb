"""The exact figures of hours and minutes, each beside those of a week before, and what failed."""

from __future__ import annotations

from grafana import cache_sql as queries
from grafana.panels import MOMENT, Json, Line, colours, fields, line, steps, table, timeseries

_SHARE = {"unit": "percentunit", "decimals": 1}
_TIME = {"unit": "s", "decimals": 1}


def lines() -> list[Line]:
    """What was kept by minute, whole hours, and the newest errors."""
    return [
        line(8, _hit_ratio(), _p95(), widths=(12, 12)),
        line(10, _hours()),
        line(8, _errors()),
    ]


def _hit_ratio() -> Json:
    return timeseries(
        "Hit ratio as it was kept",
        "Of minutes, or of hundredths of a long time range; dashed a week before. Gaps are times without look-ups; "
        "if callers were there, see whether the collector's batches arrive.",
        [queries.HIT_RATIO],
        unit="percentunit",
        near=0.4,
        high=1,
        overrides=fields.implementations(),
    )


def _p95() -> Json:
    return timeseries(
        "Exact p95 of the slowest minute",
        "From the operations themselves, not from buckets; dashed a week before. It tells small changes from none, "
        "which the other board cannot: use it to compare two deployments.",
        [queries.P95],
        unit="s",
        overrides=fields.implementations(),
    )


def _hours() -> Json:
    worse_low = steps(colours.BAD, (-0.1, colours.WARNING), (-0.05, colours.GOOD))
    worse_high = steps(colours.GOOD, (0.25, colours.WARNING), (0.5, colours.BAD))
    failing = steps(colours.GOOD, (0.01, colours.WARNING), (0.05, colours.BAD))
    return table(
        "Hours against the week before",
        "The whole hours of a day at least, with exact percentiles; ± is the share by which it changed in a week. "
        "Choose a longer range to find since when. The hour that runs is not over, so it is not here.",
        [queries.HOURS],
        columns={
            "hour_window": "Hour",
            "implementation_type": "Implementation",
            "total_operations": "Operations",
            "operations_change": "Operations ±",
            "hit_ratio": "Hit ratio",
            "hit_ratio_change": "Hit ratio ±",
            "p50": "p50",
            "p95": "p95",
            "p99": "p99",
            "p95_change": "p95 ±",
            "error_ratio": "Errors",
        },
        overrides=[
            fields.override("Hour", custom__width=155, unit=MOMENT),
            fields.override("Operations", custom__width=120, unit="locale", decimals=0),
            fields.override("Operations ±", custom__width=120, **_SHARE),
            fields.override("Hit ratio", custom__width=120, **_SHARE),
            fields.override("Hit ratio ±", custom__width=120, **_SHARE, **fields.text(worse_low)),
            fields.override("p50", custom__width=120, **_TIME),
            fields.override("p95", custom__width=120, **_TIME),
            fields.override("p99", custom__width=120, **_TIME),
            fields.override("p95 ±", custom__width=120, **_SHARE, **fields.text(worse_high)),
            fields.override("Errors", custom__width=120, unit="percentunit", decimals=2, **fields.text(failing)),
        ],
    )


def _errors() -> Json:
    return table(
        "Newest errors",
        "The operations that failed last, in this time range. The message says what failed; many of one kind at "
        "once: look at the store below, not at the cache.",
        [queries.ERRORS],
        columns={
            "timestamp": "When",
            "implementation_type": "Implementation",
            "error_type": "Error",
            "error_message": "Message",
            "response": "After",
        },
        overrides=[
            fields.override("When", custom__width=175, unit=MOMENT),
            fields.override("Implementation", custom__width=130),
            fields.override("Error", custom__width=240),
            fields.override("After", custom__width=110, **_TIME),
        ],
    )
