"""How long the cache takes, by what it is asked, and against what is normal."""

from __future__ import annotations

from grafana import cache_queries as queries
from grafana.panels import Json, Line, colours, fields, line, section, timeseries

_SECONDS = "s"
_ADVICE = {
    "p50": "The usual operation. A hit should take a small part of what a model call takes; if sets are slow and hits "
    "are not, keep answers in the background.",
    "p95": "One operation in twenty takes longer. One kind rising alone: look at what only it does; all kinds: look "
    "at the store below.",
    "p99": "One operation in a hundred takes longer. Far above p95: pauses, locks or a full connection pool; compare "
    "with the errors at that time.",
}


def lines() -> list[Line]:
    """A heading, three quantiles by operation, and hits, means and tails by implementation."""
    return [
        section("Response time"),
        line(8, *(_by_operation(name) for name in _ADVICE)),
        line(8, _hit_and_miss(), _mean(), _p95()),
    ]


def _by_operation(name: str) -> Json:
    return timeseries(
        f"Response {name} by operation",
        _ADVICE[name],
        queries.BY_OPERATION[name],
        unit=_SECONDS,
        colors=colours.CACHE_OPERATIONS,
        logarithmic=True,
    )


def _hit_and_miss() -> Json:
    return timeseries(
        "Hits and misses p95",
        "How long an answer takes that is there, and how long it takes to see that there is none (dashed). A miss is "
        "paid on top of the model call: if it is the slower one, search fewer entries.",
        queries.HIT_AND_MISS,
        unit=_SECONDS,
        overrides=fields.implementations(),
    )


def _mean() -> Json:
    return timeseries(
        "Mean response against baseline",
        "Mean of five minutes; dashed what is normal, where Postgres keeps it, and where the alert begins. Above that: "
        "compare entries and errors with those of that time.",
        queries.MEAN,
        unit=_SECONDS,
        overrides=fields.implementations(),
        alerts=queries.MEAN_ALERT,
    )


def _p95() -> Json:
    return timeseries(
        "Response p95 against baseline",
        "The slowest in twenty of five minutes, read from buckets, so up to half a bucket beside the exact baseline "
        "(dashed). Rising while the mean is not: some callers wait, so look at the operations above.",
        queries.P95,
        unit=_SECONDS,
        overrides=fields.implementations(),
    )
