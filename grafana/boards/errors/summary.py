"""Six numbers of now, and every kind of error with its times."""

from __future__ import annotations

from grafana import error_queries as queries
from grafana.panels import MOMENT, Json, Line, colours, fields, filled_by, line, stat, steps, table
from grafana.panels.filling import HTTP, TRACES

FAILING = steps(colours.GOOD, (0.05, colours.WARNING), (0.2, colours.BAD))
"""Steps of a share that fails."""

_ALONE = {
    "title": "It alone",
    "url": "/d/exai-errors?${__url_time_range}&${service:queryparam}&var-error_type=${__value.raw}",
}
_SERVICE = {
    "title": "Its service on the overview",
    "url": "/d/exai-gateway-overview?${__url_time_range}&var-service=${__value.raw}",
}


def lines() -> list[Line]:
    """The cards, and the table of kinds."""
    return [
        line(4, _now(), _newest(), _kinds(), _rate_limited(), filled_by(TRACES, _tools()), filled_by(HTTP, _http())),
        line(10, _groups()),
    ]


def _now() -> Json:
    return stat(
        "Errors",
        "Failed operations of the chosen services, a second, and as a share of all that succeeded or failed. Above "
        "5 %: find the type, the script and the function below, in this order. Refused operations are in neither.",
        queries.NOW,
        unit="suffix:/s",
        named=True,
        decimals=1,
        overrides=[_share("of operations")],
    )


def _share(name: str) -> Json:
    by_share = {"thresholds": {"mode": "absolute", "steps": FAILING}, "color": {"mode": "thresholds"}}
    return fields.override(name, unit="percentunit", decimals=1, **by_share)


def _newest() -> Json:
    return stat(
        "Newest error",
        "How long ago the last one came, to a minute. No value: none in this time range; choose a longer one to see "
        "when there was one.",
        queries.LAST,
        unit="s",
        decimals=0,
    )


def _kinds() -> Json:
    return stat(
        "Kinds of errors",
        "How many combinations of service, script, function and type failed in this time range. Many at once: "
        "something that all need is away; look at the network and at the host.",
        queries.KINDS,
        unit="none",
        decimals=0,
    )


def _rate_limited() -> Json:
    return stat(
        "Refused with 429",
        "Calls that providers refused because there were too many. More than 5 %: slow the callers down, or move "
        "them to the other provider.",
        queries.RATE_LIMITED_NOW,
        unit="none",
        named=True,
        decimals=0,
        overrides=[_share("of all")],
    )


def _tools() -> Json:
    return stat(
        "Failed tool requests",
        "Requests that ended without success, in this time range, and their share now. This is what users see; "
        "compare it with the errors beside it, of which retries hide some.",
        queries.FAILED_TOOLS,
        unit="none",
        named=True,
        decimals=0,
        overrides=[_share("of all")],
    )


def _http() -> Json:
    return stat(
        "HTTP errors",
        "Shares of the services' HTTP requests: 5xx are the service's fault, 4xx its caller's. Find the route below.",
        queries.HTTP_NOW,
        unit="percentunit",
        named=True,
        overrides=[_share("5xx"), _share("4xx")],
    )


def _groups() -> Json:
    return table(
        "What fails",
        "Each kind of error of this time range, the most frequent first. First and last are within the range: one "
        "that began with it may be older. What is new since a deployment came with it.",
        queries.GROUPS,
        columns={
            "connection_type": "Service",
            "script": "Script",
            "function": "Function",
            "error_type": "Error",
            "Value #A": "Errors",
            "Value #B": "First",
            "Value #C": "Last",
        },
        overrides=[
            fields.override("Service", custom__width=130, links=[_SERVICE]),
            fields.override("Error", links=[_ALONE]),
            fields.override("Errors", unit="locale", decimals=0, custom__width=110),
            fields.override("First", unit=MOMENT, custom__width=180),
            fields.override("Last", unit=MOMENT, custom__width=180),
        ],
        sort_by="Errors",
    )
