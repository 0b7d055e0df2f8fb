"""Whether every part is up and runs with what it was told."""

from __future__ import annotations

from grafana import bundle_queries as queries
from grafana.panels import Json, Line, colours, fields, line, stat, table

_UP = [fields.mapping(colours.REACHED)]


def lines() -> list[Line]:
    """Three cards, and the exporter in a row."""
    return [line(5, _jobs(), _sources(), _settings(), _exporter(), widths=(5, 5, 5, 9))]


def _jobs() -> Json:
    return stat(
        "Scraped",
        "Whether Prometheus reaches each part. Down: its series stop, and what is drawn of them is the past; see "
        "`make status` and its log.",
        queries.JOBS_UP,
        unit="none",
        named=True,
        mappings=_UP,
    )


def _sources() -> Json:
    return stat(
        "Sources",
        "Whether the exporter can read each source. Down: check the address, the password, and whether the server "
        "runs. Counting goes on where it stopped.",
        queries.SOURCES_UP,
        unit="none",
        named=True,
        mappings=_UP,
    )


def _settings() -> Json:
    return stat(
        "Settings",
        "Whether the files of thresholds, of Prometheus and of Alertmanager can be used. Refused: the older ones "
        "hold; the log of that part says which line is wrong.",
        queries.SETTINGS_VALID,
        unit="none",
        named=True,
        mappings=[fields.mapping(colours.VALID)],
    )


def _exporter() -> Json:
    return table(
        "Exporter",
        "What runs, since when, and what it needs. Young though nobody restarted it: it crashed, and its log says why. "
        "Memory that grows with the series: see the budgets below.",
        queries.EXPORTER,
        columns={
            "version": "Version",
            "python_version": "Python",
            "Value #B": "Runs for",
            "Value #C": "Memory",
            "Value #D": "Open files",
        },
        overrides=[
            fields.override("Version", custom__width=90),
            fields.override("Python", custom__width=90),
            fields.override("Runs for", unit="s", decimals=1, custom__width=120),
            fields.override("Memory", unit="bytes", decimals=1, custom__width=120),
            fields.override("Open files", unit="none", decimals=0, custom__width=100),
        ],
    )
