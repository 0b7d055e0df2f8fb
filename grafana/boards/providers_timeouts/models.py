"""The models behind the timeouts: when they begin to answer, how much they read and write, and each in a row."""

from __future__ import annotations

from grafana import call_averages, queries, timeout_queries
from grafana.boards.providers_timeouts import promise
from grafana.panels import Json, Line, colours, fields, filled_by, line, section, table, timeseries
from grafana.panels.filling import FIRST_CHUNKS, OUTPUT_TOKENS

_SECONDS = "suffix:s"


def lines() -> list[Line]:
    """A heading, first chunks and tokens, the averages of a call, and one row for each model."""
    return [
        section("Models"),
        line(8, filled_by(FIRST_CHUNKS, _first_chunk()), _latency(), widths=(12, 12)),
        line(8, _tokens(), _tokens_by_model(), widths=(12, 12)),
        line(8, _cost_of_a_call(), _tokens_of_a_call(), filled_by(OUTPUT_TOKENS, _output_speed())),
        line(7, _models()),
    ]


def _first_chunk() -> Json:
    return timeseries(
        "Time to first chunk p95",
        "Seconds until a model begins to answer. It alone rising: the provider queues, so send fewer calls at once. "
        "The whole call rising without it: answers became longer. Only calls that say so are counted.",
        timeout_queries.FIRST_CHUNK,
        unit=_SECONDS,
        overrides=fields.models(),
    )


def _latency() -> Json:
    return timeseries(
        "Duration p95 by model",
        "Seconds that whole calls take, between dotted lines what is usual for the model, dashed where the alert "
        "begins. Rising: the timeouts follow, within some hundred calls; until then look at the cut-offs.",
        timeout_queries.DURATION,
        unit=_SECONDS,
        overrides=[*fields.models(), *fields.bands()],
        alerts=timeout_queries.DURATION_ALERT,
    )


def _tokens() -> Json:
    return timeseries(
        "Tokens",
        "Tokens that models read (input) and wrote (output), or both (total). More of them makes calls longer, "
        "and timeouts with them: if both rise, it is not the provider's fault.",
        queries.TOKENS,
        unit="suffix:tok/s",
        colors=colours.TOKENS,
        stacked=True,
    )


def _tokens_by_model() -> Json:
    return timeseries(
        "Tokens by model",
        "Tokens of five minutes, read and written, and between dotted lines what is usual at this hour of the week, "
        "once some days are learned. Above it: look who calls the model, and what it costs.",
        timeout_queries.TOKENS_BY_MODEL,
        unit="suffix:tok/s",
        overrides=[*fields.models(), *fields.bands()],
    )


def _cost_of_a_call() -> Json:
    return timeseries(
        "Average cost of a call by model",
        "Dollars of the last five minutes over the calls that have a cost. Refused calls and models without a price "
        "are left out. Rising: prompts or answers became longer; see the tokens of a call.",
        call_averages.COST,
        unit="currencyUSD",
        overrides=[*fields.models(), fields.override(call_averages.ALL, color=fields.fixed(colours.SLATE))],
    )


def _tokens_of_a_call() -> Json:
    return timeseries(
        "Average tokens of a call",
        "Tokens that a call reads (input) and writes (output), or both (total) where it tells only the sum, on average "
        "over the calls that tell them; refused calls tell none. Choose one model above to see it alone.",
        call_averages.TOKENS,
        unit="suffix:tok",
        colors=colours.TOKENS,
    )


def _output_speed() -> Json:
    return timeseries(
        "Output tokens a second by model",
        "Tokens that a model writes for each second of its calls that end well, the wait for the first token included. "
        "Falling: the provider is overloaded, or answers became short, so that the wait counts for more.",
        call_averages.OUTPUT_SPEED,
        unit="suffix:tok/s",
        overrides=fields.models(),
    )


def _models() -> Json:
    return table(
        "Models and their timeouts",
        "Each model under its name without a date: its calls in this time range, how many were cut off, and what its "
        "timeouts are learned from. Sort by cut off; then choose the model above to see it alone.",
        timeout_queries.MODELS,
        columns={
            "model": "Model",
            "Value #A": "Calls",
            "Value #B": "Cut off",
            "Value #C": "Coverage of a day",
            "Value #D": "Given",
            "Value #E": "Taken",
            "Value #F": "Newest estimate",
            "Value #G": "Confidence",
            "Value #H": "Learned from",
        },
        overrides=[
            fields.override("Calls", unit="locale", decimals=0),
            fields.override("Cut off", unit="locale", decimals=0),
            fields.override("Coverage of a day", unit="percentunit", decimals=2, **fields.text(promise.HELD)),
            fields.override("Given", unit=_SECONDS, decimals=1),
            fields.override("Taken", unit=_SECONDS, decimals=1),
            fields.override("Newest estimate", unit=_SECONDS, decimals=1),
            fields.override("Confidence", unit="percentunit", decimals=0, **fields.text(promise.SURE)),
            fields.override("Learned from", unit="locale", decimals=0),
        ],
        sort_by="Calls",
    )
