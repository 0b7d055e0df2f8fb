"""The first, second, third … call of a conversation: do conversations slow down, and where?"""

from __future__ import annotations

from grafana import flow_queries as queries
from grafana.panels import Json, Line, bar_chart, colours, line, section, timeseries


def lines() -> list[Line]:
    """What a call spends where, then both over time."""
    return [
        section("Calls of a conversation"),
        line(8, _by_layer(), _over_time(), _models()),
    ]


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
