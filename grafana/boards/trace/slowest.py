"""The slowest requests, to choose from."""

from __future__ import annotations

from grafana import trace_sql as queries
from grafana.panels import MOMENT, Json, Line, colours, fields, line, table

CHOOSE = {
    "title": "Its spans",
    "url": "/d/exai-trace?${__url_time_range}&${tool:queryparam}&var-trace_id=${__value.raw}",
}
STATUSES = {
    "success": ("success", colours.GOOD),
    "error": ("error", colours.BAD),
    "timeout": ("timeout", colours.WARNING),
    "not kept": ("not kept", colours.UNKNOWN),
}


def lines() -> list[Line]:
    """One table."""
    return [line(9, _slowest())]


def _slowest() -> Json:
    return table(
        "Slowest requests",
        "The fifty slowest of this time range, each with the layer in which it was longest. One layer in all of them: "
        "that is the bottleneck. Choose one by its id to see its spans below.",
        [queries.SLOWEST],
        columns={
            "took": "Took",
            "tool_name": "Tool",
            "status": "Status",
            "layer": "Longest in",
            "share": "Share",
            "started_at": "Began",
            "call_index": "Call",
            "conversation_id": "Conversation",
            "error": "Error",
            "trace_id": "Trace",
        },
        overrides=[
            fields.override("Took", unit="s", decimals=1, custom__width=90),
            fields.override("Tool", custom__width=170),
            fields.override("Status", custom__width=90, **fields.named(STATUSES)),
            fields.override("Longest in", custom__width=140),
            fields.override("Share", unit="percentunit", decimals=0, custom__width=80),
            fields.override("Began", unit=MOMENT, custom__width=165),
            fields.override("Call", unit="none", decimals=0, custom__width=70),
            fields.override("Conversation", custom__width=120),
            fields.override("Trace", custom__width=270, links=[CHOOSE]),
        ],
    )
