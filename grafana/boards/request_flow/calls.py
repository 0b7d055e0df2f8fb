"""The first, second, third … call of a conversation: do conversations slow down, and where?"""

from __future__ import annotations

from grafana import flow_queries as queries
from grafana.panels import Json, Line, bar_chart, colours, fields, filled_by, line, section, table, timeseries
from grafana.panels.filling import CONVERSATIONS


def lines() -> list[Line]:
    """Return the comparison with the first call, then what a call spends where, at once and over time."""
    return [
        section("Calls of a conversation"),
        line(8, filled_by(CONVERSATIONS, _against_first()), _by_layer()),
        line(8, _over_time(), _models()),
    ]


def _against_first() -> Json:
    return table(
        "Calls against the first of their conversation",
        "How many times as long as in the first call each layer takes: the median of this time range, from 30 calls "
        "on. 'At least' above 1: the layer is slow in that call, not by chance; look at what it does there. "
        "Slow in 5+ alone: something may have changed since those conversations began.",
        queries.AGAINST_FIRST,
        columns={
            "call": "Call",
            "layer": "Layer",
            "tool": "Tool",
            "provider": "Provider",
            "Value #A": "Calls",
            "Value #B": "Times",
            "Value #C": "At least",
        },
        overrides=[
            fields.override("Call", custom__width=50),
            fields.override("Layer", custom__width=130),
            fields.override("Provider", custom__width=85),
            fields.override("Calls", unit="locale", decimals=0, custom__width=65),
            fields.override("Times", unit="suffix:×", decimals=2, custom__width=75),
            fields.override("At least", unit="suffix:×", decimals=2, custom__width=80),
        ],
        sort_by="At least",
    )


def _by_layer() -> Json:
    return bar_chart(
        "Time of the 1st, 2nd, 3rd … call",
        "Average seconds of a call in this time range, by layer. Bars that grow: the part that grows with them is the "
        "cause; in ai_api it is the context that a conversation carries.",
        queries.SECONDS_BY_CALL,
        across="call",
        unit="s",
        colors=colours.LAYERS,
    )


def _over_time() -> Json:
    return timeseries(
        "Time by place in the conversation",
        "Average seconds of a call. The third apart from the first since a moment: see what was deployed then. All "
        "together: it is not the conversation, see the layers.",
        queries.SECONDS_OF_CALLS,
        unit="s",
        colors=colours.CALLS,
    )


def _models() -> Json:
    return timeseries(
        "Waiting for the model, p95",
        "Seconds in ai_api by place in the conversation. Later calls carry more context: if they take far longer, "
        "shorten it. Points are requests.",
        queries.CALL_P95,
        unit="s",
        colors=colours.CALLS,
        logarithmic=True,
    )
