"""Model calls: how long they take, what they cost, which model is to blame."""

from __future__ import annotations

from grafana import overview_queries, queries
from grafana.panels import Json, Line, colours, fields, line, section, table, timeseries

_SECONDS = "suffix:s"
"""Seconds that stay seconds: they are compared with timeouts, which are never told in minutes."""
_TOKENS = "suffix:tok/s"
_CALLS = "suffix:calls/s"
_TIMEOUTS = {
    "title": "Its timeouts",
    "url": "/d/exai-providers-timeouts?${__url_time_range}&var-model=${__value.raw}",
}


def lines() -> list[Line]:
    """A heading, latencies, tokens and dollars, and one row for each model."""
    return [
        section("Model calls"),
        line(8, _latency_by_model(), _tokens(), _cost()),
        line(7, _models(), _outcomes(), widths=(16, 8)),
    ]


def _latency_by_model() -> Json:
    return timeseries(
        "Model latency p95 by model",
        "Which model is slow. One model: route its callers to another. All of one provider: look at the "
        "provider's status page.",
        queries.MODEL_LATENCY_BY_MODEL,
        unit=_SECONDS,
        overrides=fields.models(),
    )


def _tokens() -> Json:
    return timeseries(
        "Tokens",
        "Tokens that models read (input) and wrote (output), or both (total) where calls tell only the sum. Input that "
        "grows while calls do not: conversations carry too much context, which costs money and time.",
        queries.TOKENS,
        unit=_TOKENS,
        colors=colours.TOKENS,
        stacked=True,
    )


def _cost() -> Json:
    return timeseries(
        "Cost an hour by model",
        "What an hour like the last five minutes costs, by config/prices.yml; a model without a price is not drawn. "
        "One rising alone: see its tokens, and whether a cheaper model would do.",
        overview_queries.COST,
        unit="currencyUSD",
        stacked=True,
        overrides=fields.models(),
    )


def _models() -> Json:
    return table(
        "Models in this time range",
        "Each model's calls, failures, p95, tokens and dollars. Sort by a column; many failures or a high p95 name "
        "the model to route away from. Tokens in all: calls that tell only the sum. Not priced: tokens that are in no "
        "cost; add their price to config/prices.yml.",
        overview_queries.MODELS,
        columns={
            "gen_ai_provider_name": "Provider",
            "gen_ai_request_model": "Model",
            "Value #A": "Calls",
            "Value #B": "Failed",
            "Value #C": "p95",
            "Value #D": "Tokens in",
            "Value #E": "Tokens out",
            "Value #F": "Tokens in all",
            "Value #G": "Cost",
            "Value #H": "Not priced",
        },
        overrides=[
            fields.override("Provider", custom__width=120),
            fields.override("Model", links=[_TIMEOUTS]),
            fields.override("Calls", unit="locale", decimals=0, custom__width=110),
            fields.override("Failed", unit="locale", decimals=0, custom__width=110),
            fields.override("p95", unit=_SECONDS, decimals=1, custom__width=110),
            fields.override("Tokens in", custom__width=110),
            fields.override("Tokens out", custom__width=110),
            fields.override("Tokens in all", custom__width=120),
            fields.override("Not priced", custom__width=110),
            fields.override("Cost", unit="currencyUSD", decimals=2, custom__width=110),
        ],
        sort_by="Calls",
    )


def _outcomes() -> Json:
    return timeseries(
        "Model calls by outcome",
        "Failures without slowness: keys, quota or rate limits. With slowness: the provider is overloaded. "
        "What comes through Redis does not say how a call ended: see the errors of kimi and glm below.",
        overview_queries.MODEL_CALLS_BY_OUTCOME,
        unit=_CALLS,
        colors=colours.OUTCOMES,
        stacked=True,
    )
