"""What the WebSocket sends: its queue, what is lost, and what is tried again."""

from __future__ import annotations

from grafana import session_queries as queries
from grafana.panels import Json, Line, colours, fields, filled_by, line, lines_filled_by, section, timeseries
from grafana.panels.filling import READINGS

_MINUTE = "suffix:/min"


def lines() -> list[Line]:
    """A heading, the messages, and their queue."""
    return [
        section("Messages"),
        line(8, _bytes(), *(filled_by(READINGS, panel) for panel in (_messages(), _lost(), _retries()))),
        *lines_filled_by(READINGS, [line(8, _queue(), _queue_used(), _overflows())]),
    ]


def _bytes() -> Json:
    return timeseries(
        "Bytes",
        "Bytes a second that the WebSocket sends and receives. Far more than usual for as many messages: conversations "
        "carry their whole past; see the context above.",
        queries.BYTES,
        unit="Bps",
        colors=colours.DIRECTIONS,
    )


def _messages() -> Json:
    return timeseries(
        "Messages a minute",
        "Messages a minute. Queued near sent: clients are away, or read slowly. Many deduplicated: a sender repeats "
        "itself; harmless, but it costs time.",
        queries.MESSAGES,
        unit=_MINUTE,
        colors=colours.MESSAGES,
    )


def _lost() -> Json:
    return timeseries(
        "Lost messages",
        "Messages a minute that nobody will get. Failed: see the breaker and the connections. Expired: they waited too "
        "long for their client. Dropped: the queue was full.",
        queries.LOST,
        unit=_MINUTE,
        colors=colours.MESSAGES,
    )


def _retries() -> Json:
    return timeseries(
        "Tries again",
        "Sends a minute that were tried again, and how that ended. Most fail again: trying is no help, so look at "
        "what is at the other end.",
        queries.RETRIES,
        unit=_MINUTE,
        colors=colours.RETRIES,
    )


def _queue() -> Json:
    return timeseries(
        "Queue",
        "Messages that wait, and how many can. Growing: more is queued than is sent; a full queue drops the next.",
        queries.QUEUE,
        unit="none",
        colors={"waiting": colours.NEUTRAL},
        overrides=fields.limits(),
    )


def _queue_used() -> Json:
    return timeseries(
        "Share of the queue used",
        "How full the queue is. Above the dashed line for a minute an alert fires: bring the clients back, or allow "
        "a longer queue.",
        queries.QUEUE_USED,
        alerts=queries.QUEUE_ALERT,
        unit="percentunit",
        colors={"queue": colours.NEUTRAL},
    )


def _overflows() -> Json:
    return timeseries(
        "Dropped of queued",
        "Share of the queued messages of five minutes that the full queue dropped. Above the dashed line an alert "
        "fires: clients miss events; see which are away.",
        queries.OVERFLOWS,
        alerts=queries.OVERFLOWS_ALERT,
        unit="percentunit",
        colors={"dropped of queued": colours.MESSAGES["dropped"]},
    )
