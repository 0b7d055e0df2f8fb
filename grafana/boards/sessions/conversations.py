"""How full everything is now; conversations, and the semaphores that they wait for."""

from __future__ import annotations

from collections.abc import Sequence

from grafana import session_queries as queries
from grafana.panels import Json, Line, Query, colours, fields, line, section, stat, steps, table, timeseries

_SHARE = "percentunit"
_FULL = steps(colours.NEUTRAL, (0.8, colours.WARNING), (0.95, colours.BAD))
_NARROW = {"unit": "none", "decimals": 0, "custom__width": 70}


def lines() -> list[Line]:
    """Six cards of now, conversations over time, and semaphores."""
    return [
        line(4, _sessions(), _longest(), _context(), _semaphore(), _queue(), _breaker()),
        line(8, _over_time(), _conversation(), _context_over_time()),
        section("Semaphores"),
        line(8, _used(), _semaphores(), _leaks(), widths=(9, 9, 6)),
    ]


def _card(title: str, description: str, asked: Sequence[Query], unit: str) -> Json:
    return stat(title, description, asked, unit=unit, decimals=0, named=True)


def _filling(title: str, description: str, asked: Sequence[Query]) -> Json:
    return stat(title, description, asked, unit=_SHARE, decimals=0, named=True, thresholds=_FULL)


def _sessions() -> Json:
    return _card(
        "Open sessions",
        "Conversations that are open now. None while the gateway works: its health events do not arrive. Many more "
        "than usual: a client opens them and never closes them.",
        queries.SESSIONS_NOW,
        "none",
    )


def _longest() -> Json:
    return _card(
        "Longest conversation",
        "Messages in the longest conversation. Very long: it reads its whole past with each call, which is slow and "
        "costs tokens; begin a new one.",
        queries.LONGEST_NOW,
        "none",
    )


def _context() -> Json:
    return _filling(
        "Context used",
        "Of the tokens that a session may carry, by the fullest session. At 100 % its next call is refused or "
        "forgets its beginning: summarise it, or begin a new one.",
        queries.CONTEXT_USED_NOW,
    )


def _semaphore() -> Json:
    return _filling(
        "Fullest semaphore",
        "Slots in use of the semaphore that has the fewest left. At 100 % requests wait: is its provider slow, or "
        "were slots never given back?",
        queries.SEMAPHORE_USED_NOW,
    )


def _queue() -> Json:
    return _filling(
        "Queue used",
        "Of the WebSocket's queue. At 100 % messages are dropped: see whether a client is away or sends fail.",
        queries.QUEUE_USED_NOW,
    )


def _breaker() -> Json:
    return stat(
        "Circuit breaker",
        "The worst circuit breaker of the WebSocket. Open: nothing is sent, because what was sent before failed; "
        "see which sends fail. Half open: it is trying.",
        queries.BREAKER_NOW,
        unit="none",
        mappings=[fields.mapping(colours.BREAKER)],
    )


def _over_time() -> Json:
    return timeseries(
        "Sessions and connections",
        "Conversations, the WebSocket connections open for them, and ports whose pings are answered. A healthy port "
        "that comes and goes: its pings are slow; see below.",
        queries.SESSIONS,
        unit="none",
        colors=colours.SESSIONS,
    )


def _conversation() -> Json:
    return timeseries(
        "Conversation length",
        "Messages in the longest conversation. Growing without end: a client never begins a new one.",
        queries.CONVERSATION,
        unit="none",
        colors={"longest conversation": colours.NEUTRAL},
    )


def _context_over_time() -> Json:
    return timeseries(
        "Context of the fullest session",
        "Tokens in use, and the limit. Level at the limit: that session can say nothing new; it should be summarised.",
        queries.CONTEXT,
        unit="short",
        colors={"fullest session": colours.NEUTRAL},
        overrides=fields.limits(),
    )


def _used() -> Json:
    return timeseries(
        "Semaphores used",
        "Share of each semaphore's slots in use, by port and by provider. Above the dashed line for two minutes an "
        "alert fires: a provider at its limit makes its callers wait, and a port at its limit all.",
        queries.SEMAPHORES_USED,
        alerts=queries.SEMAPHORES_ALERT,
        unit=_SHARE,
        overrides=fields.semaphores(),
    )


def _semaphores() -> Json:
    share = {"unit": _SHARE, "decimals": 0, "custom__width": 80, **fields.text(_FULL)}
    return table(
        "Slots",
        "Each semaphore's slots in use and its limit, now, and the most that were used in this time range. Always at "
        "its limit: raise it, if the provider allows more calls at once.",
        queries.SEMAPHORES,
        columns={
            "scope": "Scope",
            "name": "Semaphore",
            "Value #A": "In use",
            "Value #B": "Limit",
            "Value #C": "Used",
            "Value #D": "Most",
        },
        overrides=[
            fields.override("Scope", custom__width=100),
            fields.override("Semaphore", unit="string", custom__width=120),
            fields.override("In use", **_NARROW),
            fields.override("Limit", **_NARROW),
            fields.override("Used", **share),
            fields.override("Most", **share),
        ],
        sort_by="Used",
    )


def _leaks() -> Json:
    return timeseries(
        "Leaked slots",
        "Slots that were never given back in the last 15 minutes. More than none: an exception passes the release of "
        "a slot; until a restart fewer requests run at once. Its runbook says how to find it.",
        queries.LEAKS,
        alerts=queries.LEAKS_ALERT,
        unit="none",
        colors={"leaked": colours.BAD},
    )
