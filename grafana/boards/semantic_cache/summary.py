"""Whether each implementation does as is usual for it, and what is asked of it."""

from __future__ import annotations

from grafana import cache_queries as queries
from grafana.boards.semantic_cache import now, weeks
from grafana.panels import Json, Line, colours, fields, line, steps, table, timeseries

_SECONDS = "s"
_LOOKUPS = "suffix:/s"


def lines() -> list[Line]:
    """The hit ratio, each implementation in a row, and what is asked of them."""
    return [
        line(9, _hit_ratio(), weeks.hit_ratio(), widths=(14, 10)),
        line(5, _side_by_side()),
        line(8, _operations(), _lookups(), _errors()),
    ]


def _hit_ratio() -> Json:
    return timeseries(
        "Hit ratio against baseline",
        "Five minutes' hit ratio; dashed the baseline of 14 days, around it the band of what is usual: two standard "
        "deviations, a tenth of the ratio at least. Below it: see evictions, similarities and what was deployed. "
        "Above it for good: compute a new baseline. The band needs Postgres. In orange where the alert begins.",
        queries.HIT_RATIO,
        unit="percentunit",
        near=0.4,
        high=1,
        overrides=fields.implementations(filled=True),
        alerts=queries.HIT_RATIO_ALERT,
    )


def _side_by_side() -> Json:
    better_high = steps(colours.BAD, (-0.2, colours.WARNING), (-0.1, colours.GOOD))
    better_low = steps(colours.GOOD, (0.25, colours.WARNING), (0.5, colours.BAD))
    share = {"unit": "percentunit", "decimals": 1}
    return table(
        "Implementations side by side",
        "Each implementation in a row, and by what share it is off its own baseline and last week. The new "
        "one should have no worse hit ratio, time or errors than the old before more callers are sent to it.",
        queries.SIDE_BY_SIDE,
        columns={
            "implementation": "Implementation",
            "Value #A": "Look-ups",
            "Value #B": "Hit ratio",
            "Value #C": "To baseline",
            "Value #D": "To last week",
            "Value #E": "Mean time",
            "Value #F": "Time to baseline",
            "Value #G": "Errors",
            "Value #H": "An entry",
            "Value #I": "Tokens saved",
        },
        overrides=[
            fields.override("Look-ups", unit="locale", decimals=0),
            fields.override("Hit ratio", **share),
            fields.override("To baseline", **share, **fields.text(better_high)),
            fields.override("To last week", **share),
            fields.override("Mean time", unit=_SECONDS, decimals=1),
            fields.override("Time to baseline", **share, **fields.text(better_low)),
            fields.override("Errors", unit="percentunit", decimals=2, **fields.text(now.FAILING)),
            fields.override("An entry", unit="bytes", decimals=1),
        ],
        sort_by="Look-ups",
    )


def _operations() -> Json:
    return timeseries(
        "Operations",
        "What is asked of the caches. More sets than misses: answers are kept twice. Misses without sets: answers "
        "are not kept, so nothing can be hit later.",
        queries.OPERATIONS,
        unit="suffix:op/s",
        colors=colours.CACHE_OPERATIONS,
        stacked=True,
    )


def _lookups() -> Json:
    return timeseries(
        "Look-ups by implementation",
        "How far the migration has come: which implementation the callers ask. A jump that nobody planned: see which "
        "configuration the gateway was started with.",
        queries.LOOKUPS,
        unit=_LOOKUPS,
        stacked=True,
        overrides=fields.implementations(),
    )


def _errors() -> Json:
    return timeseries(
        "Errors by type",
        "What fails, a minute. Connections or timeouts: look at the store below. Serialization: entries of another "
        "version; let them expire, or empty the cache.",
        queries.ERRORS,
        unit="suffix:/min",
        stacked=True,
        overrides=fields.errors(),
    )
