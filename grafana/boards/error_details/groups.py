"""How many errors there are, and which kinds, since when."""

from __future__ import annotations

from grafana import error_sql as queries
from grafana.panels import MOMENT, WORDS, Json, Line, colours, fields, line, stat, table

_STATES = {"new": ("new", colours.WARNING), "known": ("known", colours.UNKNOWN)}
CHOOSE = {
    "title": "Its traceback",
    "url": "/d/exai-error-details?${__url_time_range}&${service:queryparam}&${error_type:queryparam}"
    "&var-error=${__value.raw}",
}


def lines() -> list[Line]:
    """The counts beside the kinds."""
    return [line(10, _counts(), _groups(), widths=(3, 21))]


def _counts() -> Json:
    return stat(
        "Kept errors",
        "Errors of this time range that are kept, of how many services, and how many came with a traceback. None while "
        "the board Errors shows some: rows wait for Postgres; see the health of the bundle.",
        [queries.COUNTS],
        unit="locale",
        named=True,
    )


def _groups() -> Json:
    return table(
        "Kinds of errors",
        "The same place, type and message, whatever its numbers. New: never seen before this time range, in 30 days; "
        "begin with these, and with what was deployed before First seen.",
        [queries.GROUPS],
        columns={
            "state": "State",
            "errors": "Errors",
            "first_seen": "First seen",
            "last_seen": "Last seen",
            "service": "Service",
            "script_name": "Script",
            "function_name": "Function",
            "error_type": "Error",
            "message": "Newest message",
            "fingerprint": "Fingerprint",
            "newest": "Newest",
        },
        overrides=[
            fields.override("State", custom__width=75, **fields.named(_STATES)),
            fields.override("Errors", custom__width=75, unit="locale", decimals=0),
            fields.override("First seen", custom__width=155, unit=MOMENT),
            fields.override("Last seen", custom__width=155, unit=MOMENT),
            fields.override("Service", custom__width=85),
            fields.override("Script", custom__width=140),
            fields.override("Function", custom__width=135),
            fields.override("Error", custom__width=130),
            fields.override("Fingerprint", unit=WORDS, custom__width=95),
            fields.override("Newest", custom__width=95, links=[CHOOSE]),
        ],
    )
