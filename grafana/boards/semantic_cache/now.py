"""How each implementation does now."""

from __future__ import annotations

from collections.abc import Sequence

from grafana import cache_queries as queries
from grafana.panels import Json, Line, Query, colours, fields, line, stat, steps

FAILING = steps(colours.GOOD, (0.01, colours.WARNING), (0.05, colours.BAD))
"""Steps of the share of operations that fail."""


def lines() -> list[Line]:
    """Six cards."""
    return [line(4, _hit_ratio(), _lookups(), _p95(), _errors(), _entries(), _saved())]


def _card(title: str, description: str, asked: Sequence[Query], unit: str, decimals: int) -> Json:
    return stat(
        title,
        description,
        asked,
        unit=unit,
        decimals=decimals,
        named=True,
        overrides=fields.implementations(),
    )


def _hit_ratio() -> Json:
    return _card(
        "Hit ratio",
        "Share of the look-ups of the last five minutes that were hits. The new one lower than the old: look at its "
        "similarities; its threshold may be too strict.",
        queries.HIT_RATIO_NOW,
        "percentunit",
        1,
    )


def _lookups() -> Json:
    return _card(
        "Look-ups",
        "Look-ups a second. One implementation at nothing though it should serve: see how the gateway divides its "
        "callers, and whether its collector still sends.",
        queries.LOOKUPS_NOW,
        "suffix:/s",
        1,
    )


def _p95() -> Json:
    return _card(
        "Response p95",
        "Seconds within which 95 of 100 operations end. Rising with the entries: the search has outgrown its index. "
        "Rising alone: look at the store below, its Redis or its Postgres.",
        queries.P95_NOW,
        "s",
        1,
    )


def _errors() -> Json:
    return stat(
        "Error ratio",
        "Share of the operations that fail. Above 1 % an observation is opened; a failed look-up costs a model call, "
        "so see which error it is.",
        queries.ERROR_RATIO_NOW,
        unit="percentunit",
        decimals=2,
        named=True,
        thresholds=FAILING,
    )


def _entries() -> Json:
    return _card(
        "Entries",
        "What each cache holds. Fallen to nearly nothing: it was emptied, by hand or by a restart; the hit ratio "
        "comes back with the entries.",
        queries.ENTRIES_NOW,
        "locale",
        0,
    )


def _saved() -> Json:
    return _card(
        "Tokens saved",
        "An estimate for this time range: hits × the tokens that a model call read and wrote on average. Choose a "
        "longer range to see what the cache is worth.",
        queries.TOKENS_SAVED_IN_RANGE,
        "short",
        1,
    )
