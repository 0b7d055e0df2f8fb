"""Calls that failed."""

from __future__ import annotations

from grafana import call_sql as queries
from grafana.boards.model_calls import columns
from grafana.panels import Json, Line, fields, line, table

_ERROR = {"title": "Its traceback", "url": "/d/exai-error-details?${__url_time_range}&var-error=${__value.raw}"}


def lines() -> list[Line]:
    """One table."""
    return [line(10, _failing())]


def _failing() -> Json:
    return table(
        "Failed calls, newest first",
        "The last hundred of this time range, with secrets masked. Error id leads to the traceback, where the gateway "
        "told one; Trace to the request that made the call. rate_limited: send fewer calls or ask for a higher limit; "
        "timeout: compare Took with Timeout.",
        [queries.FAILING],
        columns={
            "timestamp": "When",
            "outcome": "Outcome",
            "error_type": "Error",
            "error": "Message",
            "provider": "Provider",
            "model": "Model",
            "tool_name": "Tool",
            "function_name": "Function",
            "took": "Took",
            "estimated_timeout_s": "Timeout",
            "trace_id": "Trace",
            "error_id": "Error id",
        },
        overrides=[
            columns.moment("When"),
            columns.outcome(),
            fields.override("Error", custom__width=130),
            *columns.names(),
            fields.override("Function", custom__width=160),
            *columns.seconds("Took", "Timeout"),
            columns.trace(),
            fields.override("Error id", custom__width=100, links=[_ERROR]),
        ],
        empty="No call of this time range failed",
    )
