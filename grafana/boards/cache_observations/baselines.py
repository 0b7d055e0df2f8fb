"""What is normal for each implementation, and what was."""

from __future__ import annotations

from grafana import cache_sql as queries
from grafana.panels import MOMENT, Json, Line, colours, fields, filled_by, line, stat, steps, table
from grafana.panels.filling import BASELINES

_SHARE = {"unit": "percentunit", "decimals": 1}
_TIME = {"unit": "s", "decimals": 1}
_STATES = {"active": ("active", colours.GOOD), "earlier": ("earlier", colours.UNKNOWN)}
_NEVER: Json = {"type": "special", "options": {"match": "null", "result": {"text": "never", "index": 9}}}
_MONTH_S = 30 * 86_400


def lines() -> list[Line]:
    """The baselines with those before them."""
    return [line(7, filled_by(BASELINES, _baselines()))]


def age() -> Json:
    """How many there are, and how old."""
    return stat(
        "Baselines",
        "How many implementations have a baseline, and how old the oldest is. None: nothing is compared yet; run "
        "`exai-exporter baseline compute` once there are 1,000 operations. Months old: compute it anew.",
        [queries.BASELINE_AGE],
        unit="none",
        named=True,
        thresholds=steps(colours.WARNING, (1, colours.GOOD)),
        overrides=[
            fields.override("oldest", unit="s", decimals=0, thresholds=after(_MONTH_S, 3 * _MONTH_S), mappings=[_NEVER])
        ],
    )


def after(warning_s: float, bad_s: float) -> Json:
    """Steps of an age."""
    return {"mode": "absolute", "steps": steps(colours.GOOD, (warning_s, colours.WARNING), (bad_s, colours.BAD))}


def _baselines() -> Json:
    return table(
        "Baselines and those before",
        "What is normal for each implementation, and since when. A hit ratio that falls from one baseline to the "
        "next: the cache gets slowly worse, which no deviation shows; see its entries and its threshold.",
        [queries.BASELINES],
        columns={
            "state": "State",
            "implementation_type": "Implementation",
            "created_at": "Computed",
            "baseline_period_start": "From",
            "baseline_period_end": "To",
            "hit_ratio": "Hit ratio",
            "hit_ratio_stddev": "± of an hour",
            "mean": "Mean",
            "p95": "p95",
            "response_stddev": "± of an operation",
            "error_ratio": "Errors",
            "sample_size": "Operations",
        },
        overrides=[
            fields.override("State", custom__width=80, **fields.named(_STATES)),
            fields.override("Computed", custom__width=155, unit=MOMENT),
            fields.override("From", custom__width=155, unit=MOMENT),
            fields.override("To", custom__width=155, unit=MOMENT),
            fields.override("Hit ratio", custom__width=100, **_SHARE),
            fields.override("± of an hour", custom__width=110, **_SHARE),
            fields.override("Mean", custom__width=100, **_TIME),
            fields.override("p95", custom__width=100, **_TIME),
            fields.override("± of an operation", custom__width=140, **_TIME),
            fields.override("Errors", unit="percentunit", decimals=2, custom__width=100),
            fields.override("Operations", unit="locale", decimals=0, custom__width=110),
        ],
    )
