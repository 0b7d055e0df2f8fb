"""The newest errors, and all about one of them."""

from __future__ import annotations

from grafana import error_sql as queries
from grafana.boards.error_details.groups import CHOOSE
from grafana.panels import MOMENT, WORDS, Json, Line, fields, line, logs, table

_TRACE = {"title": "Its trace", "url": "/d/exai-trace?${__url_time_range}&var-trace_id=${__value.raw}"}


def lines() -> list[Line]:
    """The chosen error and its traceback, then the newest to choose from."""
    return [line(4, _chosen()), line(12, _newest(), _traceback(), widths=(13, 11))]


def _chosen() -> Json:
    return table(
        "The chosen error",
        "The newest, unless one is chosen by its id. No data: this id is not kept; errors are, for 30 days.",
        [queries.CHOSEN],
        columns={
            "timestamp": "When",
            "kind": "Kind",
            "service": "Service",
            "script_name": "Script",
            "function_name": "Function",
            "error_type": "Error",
            "fingerprint": "Fingerprint",
            "trace_id": "Trace",
        },
        overrides=[
            fields.override("When", custom__width=175, unit=MOMENT),
            fields.override("Kind", custom__width=110),
            fields.override("Service", custom__width=110),
            fields.override("Fingerprint", unit=WORDS, custom__width=110),
            fields.override("Trace", links=[_TRACE]),
        ],
    )


def _newest() -> Json:
    return table(
        "Errors, newest first",
        "The last hundred of this time range. Choose one by its id to read its traceback; the list stays as it is.",
        [queries.NEWEST],
        columns={
            "timestamp": "When",
            "service": "Service",
            "function_name": "Function",
            "error_type": "Error",
            "message": "Message",
            "id": "Id",
        },
        overrides=[
            fields.override("When", custom__width=165, unit=MOMENT),
            fields.override("Service", custom__width=95),
            fields.override("Function", custom__width=140),
            fields.override("Error", custom__width=140),
            fields.override("Id", custom__width=95, links=[CHOOSE]),
        ],
    )


def _traceback() -> Json:
    return logs(
        "Message and traceback",
        "Of the chosen error, with secrets masked. Read it from its end: the last line says what, the lines above it "
        "say where.",
        queries.TRACEBACK,
    )
