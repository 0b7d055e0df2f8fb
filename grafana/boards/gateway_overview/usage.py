"""Cards about use: tokens, cost, cache and sessions."""

from __future__ import annotations

from grafana import overview_queries as queries
from grafana.panels import Json, Line, colours, fields, filled_by, line, link, stat, steps
from grafana.panels.filling import CACHE, FIRST_CHUNKS, READINGS

_MODELS = link("Providers and timeouts", "exai-providers-timeouts")


def cards() -> Line:
    """Return a line of six cards."""
    return line(
        4,
        filled_by(FIRST_CHUNKS, _first_chunk()),
        _tokens(),
        _cost(),
        _without_price(),
        filled_by(CACHE, _hit_ratio()),
        filled_by(READINGS, _sessions()),
    )


def _first_chunk() -> Json:
    return stat(
        "First chunk p95",
        "Seconds until a model begins to answer, of 95 in 100 calls: what a person waits before words appear. Rising: "
        "the provider queues; see which.",
        queries.FIRST_CHUNK_NOW,
        unit="s",
        decimals=1,
        links=[_MODELS],
    )


def _tokens() -> Json:
    return stat(
        "Token rate",
        "Tokens that models read (input) and wrote (output), or both (total), a second. Input that grows while "
        "requests do not: conversations carry too much context.",
        queries.TOKENS_NOW,
        unit="suffix:tok/s",
        decimals=0,
        named=True,
        overrides=[fields.override(name, color=fields.fixed(color)) for name, color in colours.TOKENS.items()],
        links=[_MODELS],
    )


def _cost() -> Json:
    return stat(
        "Cost an hour",
        "What an hour like the last five minutes costs by config/prices.yml, whose prices are examples until somebody "
        "has compared them. It leaves out the models without a price, beside it.",
        queries.COST_NOW,
        unit="currencyUSD",
        decimals=2,
        links=[link("Against yesterday and last week", "exai-compare", series="model:exai_token_cost_dollars:rate5m")],
    )


def _without_price() -> Json:
    return stat(
        "Models without a price",
        "Models that were called in the last five minutes and lack a price in config/prices.yml: all of it, or that of "
        "calls that tell only the sum of their tokens (blended). More than none: the cost is too low by what they "
        "cost; add them. docs/prices.md says how.",
        queries.WITHOUT_PRICE,
        unit="none",
        thresholds=steps(colours.GOOD, (1, colours.WARNING)),
        links=[_MODELS],
    )


def _hit_ratio() -> Json:
    return stat(
        "Cache hit ratio",
        "Share of the look-ups in the semantic cache, of five minutes, that spared a model call. Falling: model calls, "
        "tokens and cost rise; see which implementation.",
        queries.HIT_RATIO_NOW,
        unit="percentunit",
        decimals=1,
        links=[link("Semantic cache", "exai-semantic-cache")],
    )


def _sessions() -> Json:
    return stat(
        "Sessions",
        "Conversations that are open. Many more than usual: look at semaphores and queue, which fill next. "
        "Fallen to nothing: callers cannot reach the gateway.",
        queries.SESSIONS_NOW,
        unit="none",
        decimals=0,
        links=[link("Sessions and concurrency", "exai-sessions")],
    )
