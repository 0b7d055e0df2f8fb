"""The exporter: what it counts, what it does not, and how full it is."""

from __future__ import annotations

from grafana import bundle_queries as queries
from grafana.panels import Json, Line, bar_gauge, colours, fields, line, steps, timeseries

_MINUTE = "suffix:/min"


def lines() -> list[Line]:
    """Events, what is kept of them, and where it is kept."""
    return [
        line(8, _events(), _not_counted(), _lag()),
        line(8, _budgets(), _series(), _refused()),
        line(7, _checkpoint(), _rows(), _scrapes()),
    ]


def _events() -> Json:
    return timeseries(
        "Events by source and kind",
        "Events that became series. One kind at nothing while the others go on: the gateway no longer sends it. One "
        "source at nothing: its writer stopped.",
        queries.EVENTS,
        unit="suffix:ev/s",
        stacked=True,
        overrides=fields.by_pattern(colours.KINDS),
    )


def _not_counted() -> Json:
    return timeseries(
        "Not counted",
        "Events a minute that are in no series. Duplicate and compared: harmless. Late: raise the look-back. Missing: "
        "the gateway's queue dropped them. Rejected: the exporter's log names field and reason.",
        queries.NOT_COUNTED,
        unit=_MINUTE,
        colors=colours.NOT_COUNTED,
    )


def _lag() -> Json:
    return timeseries(
        "Lag and age of events by source",
        "Seconds since a source was read to its end, and the age at which one event in twenty is counted. Above the "
        "dashed line an alert fires. Large lag: the exporter is behind. Age alone: the writer waits, or a clock errs.",
        [*queries.LAG, *queries.AGE],
        alerts=queries.LAG_ALERT,
        unit="s",
        colors=colours.SOURCES,
    )


def _budgets() -> Json:
    return bar_gauge(
        "Fullest budgets",
        "The families that come closest to the series that they may hold. Past 100 % new label values become other: "
        "look for an id in a label, or raise the budget.",
        queries.BUDGETS,
        unit="percentunit",
        decimals=0,
        maximum=1,
        thresholds=steps(colours.NEUTRAL, (0.8, colours.WARNING), (0.9, colours.BAD)),
    )


def _series() -> Json:
    return timeseries(
        "Series held",
        "Series that the exporter holds, some 300 bytes each, and how many it may. A jump: a label has many values "
        "more; the budgets beside say which family's.",
        queries.SERIES,
        unit="short",
        colors={"held": colours.NEUTRAL},
        logarithmic=True,
        overrides=fields.limits(),
    )


def _refused() -> Json:
    return timeseries(
        "Overflow and refused settings",
        "Observations a minute whose labels became other since a budget was spent, and changes of the thresholds that "
        "could not be used. Either above nothing: see the exporter's log.",
        queries.NOT_TAKEN,
        unit=_MINUTE,
        colors={"became other": colours.WARNING, "thresholds refused": colours.BAD},
    )


def _checkpoint() -> Json:
    return timeseries(
        "Checkpoint",
        "Seconds that the last checkpoint took, and its age. An age above the dashed line fires an alert: what is "
        "newer is lost with the disk. Long durations: a slow disk, or very many series.",
        queries.CHECKPOINT,
        alerts=queries.CHECKPOINT_ALERT,
        unit="s",
        logarithmic=True,
        colors={"duration": colours.NEUTRAL, "age": colours.BLUE},
    )


def _rows() -> Json:
    return timeseries(
        "Rows for Postgres",
        "Errors, traces and observations a minute that Postgres took, or that were dropped, and how many wait in the "
        "spool. Waiting: Postgres is away; they are written when it is back. Without one there are none.",
        queries.ROWS,
        unit="none",
        colors=colours.ROWS,
    )


def _scrapes() -> Json:
    return timeseries(
        "Time of a scrape",
        "Seconds that Prometheus needs to read each part. The exporter's nearing five: a scrape is lost; it holds "
        "too many series, or its machine is busy.",
        queries.SCRAPES,
        unit="s",
        colors=colours.JOBS,
    )
