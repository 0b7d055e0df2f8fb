"""The truth about the board "Sessions and concurrency"."""

from __future__ import annotations

from collections.abc import Callable

from tests.incidents import expected
from tests.incidents.expected import Labels, Rows
from tests.incidents.figures import Figure, Figures, any_of, read
from tests.incidents.moment import RANGE_S, Moment
from tests.incidents.truth import Fields

UID = "exai-sessions"

RECORDED_WITHIN_S = 20
"""What is recorded of a reading waits for a scrape and for an evaluation."""


def context_used(moment: Moment) -> Rows:
    """Return the share of its context that the fullest session has used."""
    readings = [each["values"] for each in moment.lately("gauge", subject="session")]
    used = (each["context_tokens_used"] / each["context_tokens_max"] for each in readings)
    return expected.alone(expected.one_of(used))


def slots(moment: Moment, value: Callable[[Fields], float], within_s: float = 10) -> dict[Labels, list[float]]:
    """Return a value of each semaphore lately."""
    found: dict[Labels, list[float]] = {}
    for reading in moment.lately("gauge", within_s, subject="semaphore"):
        for scope, group in (("port", "ports"), ("provider", "providers")):
            for name, semaphore in reading["values"][group].items():
                found.setdefault(frozenset({("scope", scope), ("name", name)}), []).append(value(semaphore))
    return found


def each_semaphore(value: Callable[[Fields], float], within_s: float = 10) -> Figure:
    """Return the figure that has a number for each semaphore."""
    return lambda moment: {labels: expected.one_of(values) for labels, values in slots(moment, value, within_s).items()}


def used(semaphore: Fields) -> float:
    """Return the share of slots that are in use."""
    return float(semaphore["current"] / semaphore["limit"])


def fullest(moment: Moment) -> Rows:
    """Return the largest share in use of any semaphore; which one it is may change with each reading."""
    found = slots(moment, used, RECORDED_WITHIN_S)
    tops = [max(each) for each in zip(*found.values(), strict=True)]
    return any_of({labels: expected.one_of(values) for labels, values in found.items() if set(tops) & set(values)})


def most_used(moment: Moment) -> Rows:
    """Return the largest share in use that was seen: of a reading every 2 s, each scrape sees one."""
    found = slots(moment, used, RANGE_S + RECORDED_WITHIN_S)
    return {labels: expected.Within(min(values), max(values)) for labels, values in found.items()}


def queue_used(moment: Moment) -> Rows:
    """Return the share of the queue that is used."""
    queues = [each["values"]["queue"] for each in moment.lately("gauge", RECORDED_WITHIN_S, subject="websocket")]
    return expected.alone(expected.one_of(queue["current_size"] / queue["max_size"] for queue in queues))


def breaker(moment: Moment) -> Rows:
    """Return the state of the circuit breaker as docs/metrics.md counts them."""
    states = [each["values"]["circuit_breaker"]["state"] for each in moment.lately("gauge", subject="websocket")]
    return expected.alone(expected.one_of(CODES[state] for state in states))


CODES = {"closed": 0, "half_open": 1, "open": 2}

FIGURES: Figures = {
    ("Open sessions", "A"): read("session", "active_sessions"),
    ("Longest conversation", "A"): read("session", "conversation_length"),
    ("Context used", "A"): context_used,
    ("Fullest semaphore", "A"): fullest,
    ("Queue used", "A"): queue_used,
    ("Circuit breaker", "A"): breaker,
    ("Slots", "A"): each_semaphore(lambda semaphore: semaphore["current"]),
    ("Slots", "B"): each_semaphore(lambda semaphore: semaphore["limit"]),
    ("Slots", "C"): each_semaphore(used, RECORDED_WITHIN_S),
    ("Slots", "D"): most_used,
}
