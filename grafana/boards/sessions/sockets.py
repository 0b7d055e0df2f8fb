"""The WebSocket's connections: their pings, their ends, and the breaker before them."""

from __future__ import annotations

from grafana import session_queries as queries
from grafana.panels import Json, Line, colours, fields, line, section, stat, state_timeline, timeseries

_MINUTE = "suffix:/min"


def lines() -> list[Line]:
    """A heading, connections, and the circuit breaker."""
    return [
        section("WebSocket"),
        line(8, _ping(), _connections(), _reconnections()),
        line(6, _states(), _turns(), _uptime(), widths=(12, 8, 4)),
    ]


def _ping() -> Json:
    return timeseries(
        "Ping",
        "Seconds of the slowest port's pings, and of a send. All rising: the network or the gateway's event loop is "
        "busy. Sends alone: a client reads too slowly.",
        queries.PING,
        unit="s",
        colors={**colours.PINGS, "p95": colours.QUANTILES["p95"]},
    )


def _connections() -> Json:
    return timeseries(
        "Connections",
        "Connections a minute that were opened, failed or timed out, and pings that came close to their timeout. "
        "Failures at once after a deployment: the address or a certificate. Timeouts: see the pings.",
        queries.CONNECTIONS,
        unit=_MINUTE,
        colors=colours.WEBSOCKETS,
    )


def _reconnections() -> Json:
    return timeseries(
        "Reconnections in 5 minutes",
        "How often connections had to be made anew. Above the dashed line it is a storm: look for a proxy that cuts "
        "idle connections, or a gateway that restarts.",
        queries.RECONNECTIONS,
        alerts=queries.RECONNECTIONS_ALERT,
        unit="none",
        colors={"reconnections": colours.NEUTRAL},
    )


def _states() -> Json:
    return state_timeline(
        "State of the circuit breaker",
        "Since when nothing is sent. Open again and again: what it protects is not well; see which messages fail, "
        "and whether tries again work.",
        queries.BREAKER_STATES,
        [fields.mapping(colours.BREAKER)],
    )


def _turns() -> Json:
    return timeseries(
        "Turns of the circuit breaker",
        "How often a minute a breaker opens, tries, and closes. Opens without closes: it stays open; restart what it "
        "protects.",
        queries.BREAKER_TURNS,
        unit=_MINUTE,
        colors=colours.BREAKS,
    )


def _uptime() -> Json:
    return stat(
        "Oldest connection",
        "How long the oldest open connection has held. Short while nobody restarted anything: connections are cut; "
        "see the reconnections.",
        queries.UPTIME_NOW,
        unit="s",
        decimals=1,
    )
