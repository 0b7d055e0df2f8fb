"""The exporter itself: whether what the other panels show is all there is."""

from __future__ import annotations

from grafana import queries
from grafana.panels import Json, Line, bar_gauge, colours, line, section, stat, steps, timeseries

_EVENTS = "suffix:ev/s"


def lines() -> list[Line]:
    """A heading, six numbers, and what lies behind them."""
    return [
        section("Exporter health"),
        line(4, _sources(), _lag(), _ingested(), _rejected(), _budget(), _checkpoint()),
        line(7, _by_source(), _not_counted(), _budgets()),
    ]


def _sources() -> Json:
    return stat(
        "Sources",
        "Whether each source can be read. Down: the panels above show the past; check the address, the "
        "password and whether the server runs. Counting goes on where it stopped.",
        queries.SOURCES_UP,
        unit="none",
        named=True,
        mappings=[colours.mapping(colours.REACHED)],
    )


def _lag() -> Json:
    return stat(
        "Source lag",
        "How far the slowest source is behind. Growing: the exporter reads slower than the gateway writes, "
        "or cannot read at all; look at its log.",
        queries.SOURCE_LAG,
        unit="s",
        decimals=1,
        thresholds=steps(colours.NEUTRAL, (30, colours.WARNING), (120, colours.BAD)),
    )


def _ingested() -> Json:
    return stat(
        "Ingested",
        "Events that became series. Nothing while the gateway works: look at the sources, then at what is not counted.",
        queries.INGEST_RATE,
        unit=_EVENTS,
        decimals=1,
    )


def _rejected() -> Json:
    return stat(
        "Rejected",
        "Events that were refused. More than nothing: a writer sends what the format forbids; the "
        "exporter's log names field and reason.",
        queries.REJECTED_RATE,
        unit=_EVENTS,
        decimals=1,
        thresholds=steps(colours.NEUTRAL, (0.01, colours.WARNING)),
    )


def _budget() -> Json:
    return stat(
        "Series budget used",
        "Of the fullest family. At 100 % new label values become other: find the label with too many "
        "values, or raise the family's budget.",
        queries.BUDGET_USED,
        unit="percentunit",
        decimals=0,
        thresholds=steps(colours.NEUTRAL, (0.8, colours.WARNING), (0.95, colours.BAD)),
    )


def _checkpoint() -> Json:
    return stat(
        "Checkpoint age",
        "How old the state on disk is. Growing: the disk is full or broken; make room, the exporter goes on by itself.",
        queries.CHECKPOINT_AGE,
        unit="s",
        decimals=1,
        thresholds=steps(colours.NEUTRAL, (30, colours.WARNING), (120, colours.BAD)),
    )


def _by_source() -> Json:
    return timeseries(
        "Ingested by source",
        "Which way the events come. One source at nothing while the others go on: its writer stopped.",
        queries.INGESTED_BY_SOURCE,
        unit=_EVENTS,
        colors=colours.SOURCES,
        stacked=True,
    )


def _not_counted() -> Json:
    return timeseries(
        "Not counted",
        "Events that are in no series. Duplicates are harmless. Late: raise the look-back. "
        "Missing: the gateway dropped them; its queue is too short. Rejected: see the exporter's log.",
        queries.NOT_COUNTED,
        unit=_EVENTS,
        colors=colours.NOT_COUNTED,
    )


def _budgets() -> Json:
    return bar_gauge(
        "Fullest series budgets",
        "The families that come closest to their budget. Past it, new label values become other: look for "
        "an id in a label, or raise the budget.",
        queries.BUDGETS,
        unit="percentunit",
        decimals=0,
        maximum=1,
        thresholds=steps(colours.NEUTRAL, (0.8, colours.WARNING), (0.95, colours.BAD)),
    )
