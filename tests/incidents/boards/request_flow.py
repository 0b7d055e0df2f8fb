"""The truth about the board "Request flow and bottlenecks"."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from exporter.conventions import LATENCY_BUCKETS
from exporter.demo.sessions import TOOLS
from tests.incidents import expected
from tests.incidents.expected import Expected, Labels, Rows
from tests.incidents.figures import Figures, any_of, each, one
from tests.incidents.moment import RANGE_S, Moment
from tests.incidents.truth import Fields, Window

UID = "exai-request-flow"
THIRD_CALL = "Third call against the first"

_SLOWDOWN_TOLERATED = 0.25
"""The buckets of the comparison are a quarter wide near 1."""

_PROVIDERS = ("kimi", "glm", "unknown")
_FIRST_VALUE = 3
"""Conversations that a series begins with, at most."""

_TOLD_FROM = 25
"""Conversations; the board compares from 30 on, and may have seen one or two more than lie in the window."""


def took(request: Fields) -> float:
    """Return the seconds of a request."""
    return float(request["end_time"] - request["start_time"])


def requests(window: Window) -> Expected:
    """Return requests a second."""
    return expected.rate(len(window.of("trace")), window)


def failed(found: list[Fields]) -> Expected:
    """Return the share of requests that failed."""
    return expected.ratio(sum(request["status"] != "success" for request in found), len(found))


def quantile(q: float) -> Callable[[list[Fields]], Expected]:
    """Return the figure of a quantile of seconds."""
    return lambda found: expected.quantile(q, [took(request) for request in found], LATENCY_BUCKETS)


def of_all(figure: Callable[[list[Fields]], Expected]) -> Callable[[Window], Expected]:
    """Return the figure of all requests."""
    return lambda window: figure(window.of("trace"))


def of_tool(figure: Callable[[list[Fields]], Expected]) -> Callable[[Window, str], Expected]:
    """Return the figure of a tool's requests."""
    return lambda window, tool: figure(window.of("trace", tool_name=tool))


def of_tool_in_range(window: Window, tool: str) -> Expected:
    """Return a tool's requests in a window."""
    return expected.rate(len(window.of("trace", tool_name=tool)), window, times=window.of_s)


def inside(moment: Moment) -> Rows:
    """Return how many requests were under way."""
    readings = moment.lately("gauge", subject="request")
    return expected.alone(expected.one_of(sum(each["values"]["in_flight"].values()) for each in readings))


def bottleneck(moment: Moment) -> Rows:
    """Return the layer in which most of the time passes, and its share."""
    spent: dict[str, float] = {}
    for request in moment.range.of("trace"):
        for layer, seconds in layers(request).items():
            spent[layer] = spent.get(layer, 0) + seconds
    top = max(spent, key=lambda layer: spent[layer])
    return expected.by("layer", {top: expected.ratio(spent[top], sum(spent.values()))})


def layers(request: Fields) -> dict[str, float]:
    """Return the seconds of a request in each layer, each of which it passes once."""
    return {span["layer"]: span["end_time"] - span["start_time"] for span in request["spans"]}


def slowdowns(moment: Moment) -> dict[Labels, list[float]]:
    """Return how many times the seconds of the first call the third took, by what the board may name."""
    first: dict[tuple[str, str], float] = {}
    for request in moment.window(3600).of("trace", call_index=1):
        first.update({(request["conversation_id"], layer): seconds for layer, seconds in layers(request).items()})
    found: dict[Labels, list[float]] = {}
    for request in moment.range.of("trace", call_index=3):
        for layer, seconds in layers(request).items():
            before = first.get((request["conversation_id"], layer))
            for tool, provider in ((request["tool_name"], request["provider"] or ""), ("all", "all")):
                about = {("call", "3"), ("layer", layer), ("tool", tool), ("provider", provider)}
                found.setdefault(frozenset(about), []).extend([seconds / before] if before else [])
    return {about: times for about, times in found.items() if len(times) >= _TOLD_FROM}


def third_call(moment: Moment) -> Rows:
    """Return how many times as long as the first call the third one takes, in a layer that the board picks."""
    found = {about: median(times) for about, times in slowdowns(moment).items()}
    return any_of({about: expected.around(value, _SLOWDOWN_TOLERATED * value) for about, value in found.items()})


def conversations(moment: Moment) -> Rows:
    """Return how many conversations that was. What a series begins with is no increase to Prometheus 2."""
    found = slowdowns(moment)
    first = _FIRST_VALUE * len(TOOLS) * len(_PROVIDERS)
    return any_of(
        {
            frozenset((name, value) for name, value in about if value != "all"): expected.Within(
                len(times) - first, len(times) * (1 + expected.RATE_TOLERATED) + 2
            )
            for about, times in found.items()
        }
    )


FIGURES: Figures = {
    ("Tool requests", "A"): one(RANGE_S, requests),
    ("Failed", "A"): one(RANGE_S, of_all(failed)),
    ("Time of a request", "A"): one(RANGE_S, of_all(quantile(0.5))),
    ("Time of a request", "B"): one(RANGE_S, of_all(quantile(0.95))),
    ("Inside", "A"): inside,
    ("Bottleneck", "A"): bottleneck,
    (THIRD_CALL, "A"): third_call,
    (THIRD_CALL, "B"): conversations,
    ("Tools", "A"): each("tool", TOOLS, RANGE_S, of_tool_in_range),
    ("Tools", "B"): each("tool", TOOLS, RANGE_S, of_tool(failed)),
    ("Tools", "C"): each("tool", TOOLS, RANGE_S, of_tool(quantile(0.5))),
    ("Tools", "D"): each("tool", TOOLS, RANGE_S, of_tool(quantile(0.95))),
}
