"""One request: its spans, the other calls of its conversation, and what failed meanwhile."""

from __future__ import annotations

from grafana import trace_sql as queries
from grafana.boards.trace.slowest import CHOOSE, STATUSES
from grafana.panels import MOMENT, Json, Line, fields, line, table, traces

_ERROR = {"title": "Its traceback", "url": "/d/exai-error-details?${__url_time_range}&var-error=${__value.raw}"}


def lines() -> list[Line]:
    """What it is, where its time went, and what was around it."""
    return [
        line(3, _chosen()),
        line(13, _spans()),
        line(9, _conversation(), _meanwhile(), widths=(11, 13)),
    ]


def _chosen() -> Json:
    return table(
        "The chosen request",
        "The slowest, unless one is chosen by its id. Not kept: requests without layers are not, such as HTTP "
        "requests of other services, nor those of more than 30 days ago.",
        [queries.CHOSEN],
        columns={
            "trace_id": "Trace",
            "status": "Status",
            "took": "Took",
            "tool_name": "Tool",
            "started_at": "Began",
            "call_index": "Call",
            "conversation_id": "Conversation",
            "error": "Error",
        },
        overrides=[
            fields.override("Trace", custom__width=290),
            fields.override("Status", custom__width=90, **fields.named(STATUSES)),
            fields.override("Took", unit="s", decimals=1, custom__width=90),
            fields.override("Tool", custom__width=170),
            fields.override("Began", unit=MOMENT, custom__width=175),
            fields.override("Call", unit="none", decimals=0, custom__width=70),
            fields.override("Conversation", custom__width=120),
        ],
    )


def _spans() -> Json:
    return traces(
        "Its way through the layers",
        "Each bar is the time in one layer. The longest bar is where to look; a gap between bars is time in no layer. "
        "Click the topmost for its status and its error.",
        queries.SPANS,
    )


def _conversation() -> Json:
    return table(
        "Calls of its conversation",
        "The calls before and after it, within a day. Each slower than the one before: the conversation carries too "
        "much context; this one alone: it was not the conversation.",
        [queries.CONVERSATION],
        columns={
            "call_index": "Call",
            "took": "Took",
            "status": "Status",
            "tool_name": "Tool",
            "started_at": "Began",
            "trace_id": "Trace",
        },
        overrides=[
            fields.override("Call", unit="none", decimals=0, custom__width=70),
            fields.override("Took", unit="s", decimals=1, custom__width=90),
            fields.override("Status", custom__width=90, **fields.named(STATUSES)),
            fields.override("Began", unit=MOMENT, custom__width=165),
            fields.override("Trace", custom__width=150, links=[CHOOSE]),
        ],
    )


def _meanwhile() -> Json:
    return table(
        "How it ended, and what failed meanwhile",
        "Its own end first, then errors with its id, then others between its start and its end: those with the same "
        "message are likely its own. Others show what was wrong at the time.",
        [queries.MEANWHILE],
        columns={
            "timestamp": "When",
            "service": "Where",
            "function": "Function",
            "error_type": "Error",
            "message": "Message",
            "id": "Id",
        },
        overrides=[
            fields.override("When", unit=MOMENT, custom__width=165),
            fields.override("Where", custom__width=125),
            fields.override("Function", custom__width=150),
            fields.override("Error", custom__width=130),
            fields.override("Id", custom__width=95, links=[_ERROR]),
        ],
    )
