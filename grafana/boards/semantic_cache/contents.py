"""What the cache holds, how near it comes, and what it saves."""

from __future__ import annotations

from grafana import cache_queries as queries
from grafana.panels import Json, Line, fields, heatmap, line, section, timeseries


def lines() -> list[Line]:
    """A heading, similarities and savings, and what is held."""
    return [
        section("Contents and savings"),
        line(9, _similarity(), _saved(), widths=(14, 10)),
        line(8, _entries(), _size(), _evictions()),
    ]


def _similarity() -> Json:
    return heatmap(
        "Similarity of look-ups",
        "How near the best entry came, hits and misses together. A bright band just below the hits: a slightly lower "
        "threshold would make them hits; try it where a wrong answer does no harm. Nothing between: leave it.",
        queries.SIMILARITY,
        unit="suffix:/s",
        axis_unit="percentunit",
    )


def _saved() -> Json:
    return timeseries(
        "Estimated tokens saved",
        "Hits a second × the tokens that a model call read and wrote on average in the last hour: as if each hit "
        "spared one call of the usual size. Falling with the hit ratio: see there. Falling alone: calls became "
        "shorter.",
        queries.TOKENS_SAVED,
        unit="si:tok/s",
        stacked=True,
        overrides=fields.implementations(),
    )


def _entries() -> Json:
    return timeseries(
        "Entries held",
        "How many answers each cache holds. Level at its limit: each set evicts, so compare evictions with hits. "
        "A drop to nothing: it was emptied.",
        queries.ENTRIES,
        unit="short",
        overrides=fields.implementations(),
    )


def _size() -> Json:
    return timeseries(
        "Size",
        "Bytes that each cache takes. Growing faster than its entries: answers became longer; see that the Redis "
        "below has memory left.",
        queries.SIZE,
        unit="bytes",
        overrides=fields.implementations(),
    )


def _evictions() -> Json:
    return timeseries(
        "Evictions",
        "Entries a minute that had to go. Many while the hit ratio falls: what is evicted would have been hit; allow "
        "more entries or a longer life.",
        queries.EVICTIONS,
        unit="suffix:/min",
        overrides=fields.implementations(),
    )
