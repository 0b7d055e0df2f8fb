"""Time in the layers: where it is spent, and where requests are now."""

from __future__ import annotations

from grafana import flow_queries as queries
from grafana.panels import Json, Line, colours, filled_by, heatmap, line, section, timeseries
from grafana.panels.filling import READINGS


def lines() -> list[Line]:
    """Shares of time, times, and where requests are."""
    return [section("Layers"), line(8, _share(), _p95(), filled_by(READINGS, _inside()))]


def heat() -> Json:
    """Where time is lost, in one look."""
    return heatmap(
        "Time in each layer against its usual",
        "How many times its average of the time range before a request spends in each layer, in the order in which it "
        "passes them. A row that turns bright: that layer is the bottleneck, from then on.",
        queries.AGAINST_USUAL,
        unit="suffix:×",
        axis_unit="short",
        axis_width=130,
    )


def _share() -> Json:
    return timeseries(
        "Share of time",
        "Where the time of requests goes. A layer that takes a growing share is the bottleneck: make it faster first, "
        "the others do not matter.",
        queries.SHARE,
        unit="percentunit",
        colors=colours.LAYERS,
        stacked=True,
        high=1,
    )


def _p95() -> Json:
    return timeseries(
        "Time in each layer, p95",
        "Seconds that 95 of 100 requests stay within. One layer alone: it is slow itself; with those before it: they "
        "wait for it. Points are requests.",
        queries.LAYER_P95,
        unit="s",
        colors=colours.LAYERS,
        logarithmic=True,
    )


def _inside() -> Json:
    return timeseries(
        "Requests under way by layer",
        "In which layer requests are. Rising in one while no more arrive: it does not let them go; look at what it "
        "calls, and at its slots on the board of sessions.",
        queries.INSIDE,
        unit="none",
        colors=colours.LAYERS,
        stacked=True,
    )
