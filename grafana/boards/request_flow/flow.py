"""Six numbers of now, the graph of the layers, where time is lost, and the tools."""

from __future__ import annotations

from grafana import flow_queries as queries
from grafana import graph_queries
from grafana.boards.request_flow import layers
from grafana.panels import Json, Line, colours, fields, filled_by, line, lines_filled_by, node_graph, stat, steps, table
from grafana.panels.filling import CONVERSATIONS, LAST_WEEK, READINGS, TRACES

_REQUESTS = "suffix:/s"
_ALONE = {"title": "It alone", "url": "/d/exai-request-flow?${__url_time_range}&var-tool=${__value.raw}"}


def lines() -> list[Line]:
    """The cards, then the graph beside what is slow."""
    cards = line(
        4,
        _rate(),
        _failed(),
        _time(),
        filled_by(READINGS, _inside()),
        _slowest(),
        filled_by(CONVERSATIONS, _third_call()),
    )
    return [
        *lines_filled_by(TRACES, [cards]),
        line(14, _graph(), (filled_by(LAST_WEEK, layers.heat()), filled_by(TRACES, _tools())), widths=(14, 10)),
    ]


def _rate() -> Json:
    return stat(
        "Tool requests",
        "Requests that ended, a second. Nothing while callers work: requests hang; see how many are inside, and where.",
        queries.RATE_NOW,
        unit=_REQUESTS,
        decimals=1,
    )


def _failed() -> Json:
    return stat(
        "Failed",
        "The share of the requests that ended without success. Above 5 %: the graph shows where, the board Errors "
        "what.",
        queries.FAILED_NOW,
        unit="percentunit",
        decimals=1,
        thresholds=steps(colours.GOOD, (0.05, colours.WARNING), (0.2, colours.BAD)),
    )


def _time() -> Json:
    return stat(
        "Time of a request",
        "Seconds that half of the requests need, and 95 of 100. Far apart: what the cache answers is quick, and what "
        "a model answers is not; see the share of time.",
        queries.TIME_NOW,
        unit="s",
        named=True,
        decimals=1,
    )


def _inside() -> Json:
    return stat(
        "Inside",
        "Requests under way now. Rising while as many arrive as before: something waits; see in which layer they are.",
        queries.INSIDE_NOW,
        unit="none",
        decimals=0,
    )


def _slowest() -> Json:
    return stat(
        "Bottleneck",
        "The layer with the largest share of all time. ai_api is usual: models think. Another one: look at what it "
        "waits for.",
        queries.SLOWEST_NOW,
        unit="percentunit",
        named=True,
        decimals=0,
    )


def _third_call() -> Json:
    return stat(
        "Third call against the first",
        "How many times as long as in the conversation's first call a layer takes in the third: the median of this "
        "time range, from 30 conversations on, where it is surest. Above 1.25: conversations slow down in that "
        "layer. A provider that is slow for all calls does not move it.",
        queries.THIRD_CALL,
        unit="suffix:×",
        decimals=2,
        named=True,
        thresholds=steps(colours.GOOD, (1.25, colours.WARNING), (2, colours.BAD)),
        overrides=[fields.override("conversations", unit="none", decimals=0, color=fields.fixed(colours.NEUTRAL))],
    )


def _graph() -> Json:
    return node_graph(
        "Layers and what lies behind them",
        "Requests a second and p95, of all tools. Red in a ring: failed. Orange: longer than the p95 of the same hour "
        "last week; up to 5 % is usual. Grey: nobody told whether it failed. Follow the arrows to the last ring that "
        "is red or orange; those before it wait for it.",
        graph_queries.NODES,
        graph_queries.EDGES,
        unit=_REQUESTS,
    )


def _tools() -> Json:
    return table(
        "Tools",
        "Requests of this time range by tool. One tool slow or failing: choose it, and see which layer is. All of "
        "them: the cause lies behind them.",
        queries.TOOLS,
        columns={"tool": "Tool", "Value #A": "Requests", "Value #B": "Failed", "Value #C": "p50", "Value #D": "p95"},
        overrides=[
            fields.override("Tool", links=[_ALONE]),
            fields.override("Requests", unit="locale", decimals=0, custom__width=90),
            fields.override("Failed", unit="percentunit", decimals=1, custom__width=80),
            fields.override("p50", unit="s", decimals=1, custom__width=90),
            fields.override("p95", unit="s", decimals=1, custom__width=90),
        ],
        sort_by="Requests",
    )
