"""Time in the layers: where it is spent, and where requests are now."""

from __future__ import annotations

from grafana import flow_queries as queries
from grafana import usual_queries
from grafana.panels import Json, Line, colours, filled_by, line, section, status_history, steps, timeseries
from grafana.panels.filling import READINGS


def lines() -> list[Line]:
    """Shares of time, times, and where requests are."""
    return [section("Layers"), line(8, _share(), _p95(), filled_by(READINGS, _inside()))]


def heat() -> Json:
    """Return the map of when each layer was slower than last week."""
    return status_history(
        "Time in each layer against last week",
        "How many times its mean of the same hour last week a layer takes, in the order in which requests pass them. "
        "The last row that is red is the cause: layers before it wait for it. Grey: there is nothing to compare, or it "
        "took less time while more than 5 % of the requests failed early.",
        queries.AGAINST_LAST_WEEK,
        unit="suffix:×",
        by=steps(
            colours.NEUTRAL,
            (usual_queries.FASTER, colours.GOOD),
            (usual_queries.SLOWER, colours.WARNING),
            (usual_queries.FAR_SLOWER, colours.BAD),
        ),
        unproven="not comparable",
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
