"""The truth about the board "Gateway overview"."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from exporter.conventions import LATENCY_BUCKETS
from tests.incidents import expected
from tests.incidents.boards.alerts import counted as counted_alerts
from tests.incidents.boards.alerts import of_severity
from tests.incidents.boards.errors import of_operations
from tests.incidents.boards.model_calls import cost
from tests.incidents.boards.request_flow import failed, of_all, quantile, requests
from tests.incidents.boards.semantic_cache import LOOK_UPS
from tests.incidents.expected import Expected, Rows
from tests.incidents.figures import Figure, Figures, certain, one, read
from tests.incidents.moment import RANGE_S, Moment
from tests.incidents.objectives import left, spent
from tests.incidents.truth import Fields, Window, counted, outcome

UID = "exai-gateway-overview"

_A_FEW = 100
_HEADLINE_OF_S = 120
_STATE_OF_S, _STATE_SETTLED_S = 120, 15
_DEGRADED, _DEGRADED_BY = 0.05, 5
"""A share of operations, and how many of them."""

_MINUTES_SETTLED_S = range(0, 121, 5)
_SLOTS_SETTLED_S = range(0, 421, 5)
"""What is recorded of minutes, or of slots of 5 minutes, may be so old."""


def over_time(figures: Iterable[Callable[[list[Fields]], float]], of_s: float, settled_s: Iterable[int]) -> Figure:
    """Return what lies between the figures of what was sent in so many seconds; it may be as old as that."""

    def rows(moment: Moment) -> Rows:
        ends = [moment.at - seconds for seconds in settled_s]
        sent = [moment.story.truth.sent(end - of_s, end) for end in ends]
        values = [figure(events) for figure in figures for events in sent if len(events) > _A_FEW]
        strays = [2 * expected.RATE_TOLERATED * abs(1 - value) + expected.RATIO_TOLERATED for value in values]
        return expected.alone(expected.Within(min(values) - max(strays), max(values) + max(strays)))

    return rows


def availability(events: list[Fields]) -> float:
    """Return the share of all operations that succeeded."""
    found = spent(events)["availability"]
    return 1 - sum(each.bad for each in found) / sum(each.events for each in found)


def budget_of_all(one_more: int) -> Callable[[list[Fields]], float]:
    """Return the figure of the objective of which least is left, with one more bad event or one less."""
    return lambda events: min(left(found, one_more) for found in spent(events).values())


def budget_of_each(one_more: int) -> Callable[[list[Fields]], float]:
    """Return the figure of the service and objective of which least is left, with one more bad event or one less."""
    return lambda events: min(left([each], one_more) for found in spent(events).values() for each in found)


def operations(window: Window) -> Expected:
    """Return operations a second."""
    return expected.rate(len(window.operations("ok", "error")), window)


def p95(window: Window) -> Expected:
    """Return the 95th percentile of the seconds until a connection answers."""
    return expected.quantile(0.95, expected.seconds(window.of("connection"), "response_time_ms"), LATENCY_BUCKETS)


def first_chunk(window: Window) -> Expected:
    """Return the 95th percentile of the seconds to the first chunk."""
    took = [call["time_to_first_token_ms"] / 1000 for call in window.calls() if "time_to_first_token_ms" in call]
    return expected.quantile(0.95, took, LATENCY_BUCKETS)


def tokens(moment: Moment) -> Rows:
    """Return tokens a second: read and written where both are told, else their sum."""
    window = moment.range
    used = [call for call in window.calls() if call["tokens"]]
    told = [call for call in used if "prompt_tokens" in call]
    sums = {
        "input": sum(call["prompt_tokens"] for call in told),
        "output": sum(call["completion_tokens"] for call in told),
        "total": sum(call["tokens"] for call in used if call not in told),
    }
    largest = max(call["tokens"] for call in used)
    return expected.by(
        "gen_ai_token_type", {name: expected.rate(total, window, largest=largest) for name, total in sums.items()}
    )


def dollars_an_hour(window: Window) -> Expected:
    """Return what an hour like this costs."""
    costs = [cost(call) or 0 for call in window.calls()]
    return expected.rate(sum(costs), window, largest=max(costs), times=3600)


def hit_ratio(window: Window) -> Expected:
    """Return the share of look-ups that hit, of both implementations."""
    return expected.ratio(len(window.of("cache", operation="hit")), len(window.of("cache", operation=set(LOOK_UPS))))


def states(moment: Moment) -> dict[str, Expected]:
    """Return how each service is: 1 up, 2 degraded, 3 down; the shares are those of the last evaluations."""
    ends = [moment.at - settled_s for settled_s in range(_STATE_SETTLED_S + 1)]
    found = [_states(moment.story.truth.sent(end - _STATE_OF_S, end)) for end in ends]
    return {service: expected.one_of(each[service] for each in found) for service in found[0]}


def each_state(moment: Moment) -> Rows:
    """Return the state of each service."""
    return expected.by("service", states(moment))


def worst_state(moment: Moment) -> Rows:
    """Return the state of the service that is worst off."""
    highest = [max(each.values) for each in states(moment).values() if isinstance(each, expected.OneOf)]
    lowest = [min(each.values) for each in states(moment).values() if isinstance(each, expected.OneOf)]
    return expected.alone(expected.Within(max(lowest), max(highest)))


def _states(events: list[Fields]) -> dict[str, int]:
    connections = [event for event in events if event["kind"] == "connection"]
    ended = counted(connections, lambda event: event["connection_type"])
    return {service: _state([outcome(event) for event in found]) for service, found in ended.items()}


def _state(outcomes: list[str]) -> int:
    failed, all_of_them = outcomes.count("error"), outcomes.count("error") + outcomes.count("ok")
    down = failed > all_of_them / 2
    degraded = failed > _DEGRADED * all_of_them and failed >= _DEGRADED_BY
    return 3 if down else 2 if degraded else 1


def headline(figure: Callable[[Window], Expected]) -> Figure:
    """Return the figure of tool requests over 2 minutes, which the gateway's traces tell of."""
    return lambda moment: expected.by("kind", {"tool requests": figure(moment.window(_HEADLINE_OF_S))})


def newest(moment: Moment) -> Rows:
    """Return when something happened on a connection last, in milliseconds."""
    times = [1000 * event["timestamp"] for event in moment.lately("connection")]
    return expected.alone(expected.Within(min(times), max(times)))


FIGURES: Figures = {
    ("Availability", "A"): over_time([availability], RANGE_S, _MINUTES_SETTLED_S),
    ("Availability", "B"): over_time([availability], 3600, _SLOTS_SETTLED_S),
    ("Error budget left", "A"): over_time([budget_of_all(-1), budget_of_all(1)], 3600, _SLOTS_SETTLED_S),
    ("Error budget left", "B"): over_time([budget_of_each(-1), budget_of_each(1)], 3600, _SLOTS_SETTLED_S),
    ("Operations", "A"): one(RANGE_S, operations),
    ("Failed", "A"): one(RANGE_S, of_operations),
    ("Response p95", "A"): one(RANGE_S, p95),
    ("First chunk p95", "A"): one(RANGE_S, first_chunk),
    ("Token rate", "A"): tokens,
    ("Cost an hour", "A"): one(300, dollars_an_hour),
    ("Models without a price", "A"): certain(0),
    ("Cache hit ratio", "A"): one(300, hit_ratio),
    ("Sessions", "A"): read("session", "active_sessions"),
    ("States now", "A"): each_state,
    ("What users feel", "A"): headline(of_all(failed)),
    ("What users feel", "B"): headline(of_all(quantile(0.95))),
    ("What users feel", "C"): headline(requests),
    ("$service", "A"): worst_state,
    ("$service", "B"): one(RANGE_S, operations),
    ("$service", "C"): one(RANGE_S, of_operations),
    ("$service", "D"): one(RANGE_S, p95),
    ("$service", "E"): newest,
    ("Firing alerts", "A"): counted_alerts(of_severity("critical")),
    ("Firing alerts", "B"): counted_alerts(of_severity("warning")),
    ("Firing alerts", "C"): counted_alerts(of_severity("info")),
}
