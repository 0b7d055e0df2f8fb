"""The truth about the board "Semantic cache"."""

from __future__ import annotations

from collections.abc import Callable

from exporter.conventions import LATENCY_BUCKETS
from tests.incidents import expected
from tests.incidents.expected import Expected, Rows
from tests.incidents.figures import Figure, Figures, each, nothing
from tests.incidents.moment import RANGE_S, Moment
from tests.incidents.truth import Fields, Window

UID = "exai-semantic-cache"
IMPLEMENTATIONS = ("legacy", "new")
LOOK_UPS = ("hit", "miss")
_A_FEW = 100
"""Calls that the first recorded mean may be of."""


def of(window: Window, implementation: str, *operations: str) -> list[Fields]:
    """Return the operations on one implementation."""
    chosen = {"operation": set(operations)} if operations else {}
    return window.of("cache", implementation=implementation, **chosen)


def hit_ratio(window: Window, implementation: str) -> Expected:
    """Return the share of look-ups that hit."""
    return expected.ratio(len(of(window, implementation, "hit")), len(of(window, implementation, *LOOK_UPS)))


def look_ups(window: Window, implementation: str) -> Expected:
    """Return look-ups a second."""
    return expected.rate(len(of(window, implementation, *LOOK_UPS)), window)


def look_ups_in_range(window: Window, implementation: str) -> Expected:
    """Return look-ups in a window."""
    return expected.rate(len(of(window, implementation, *LOOK_UPS)), window, times=window.of_s)


def failed(window: Window, implementation: str) -> Expected:
    """Return the share of operations that failed."""
    return expected.ratio(len(of(window, implementation, "error")), len(of(window, implementation)))


def p95(window: Window, implementation: str) -> Expected:
    """Return the 95th percentile of seconds."""
    return expected.quantile(0.95, expected.seconds(of(window, implementation), "response_time_ms"), LATENCY_BUCKETS)


def mean(window: Window, implementation: str) -> Expected:
    """Return the mean of seconds."""
    return expected.mean(expected.seconds(of(window, implementation), "response_time_ms"))


def tokens_saved(moment: Moment) -> Rows:
    """Return the tokens that hits have saved: each as many as a call used on average, at any time in the range."""
    window, called = moment.range, [call for call in moment.window(3600).calls() if call["tokens"]]
    means = [_mean(called[:many]) for many in range(_A_FEW, len(called))]
    mean = _mean(called)
    strays = max(abs(each / mean - 1) for each in means)

    def figure(name: str) -> Expected:
        tokens = mean * len(of(window, name, "hit")) * RANGE_S / window.seconds
        return expected.around(tokens, (expected.RATE_TOLERATED + strays) * tokens)

    return expected.by("implementation", {name: figure(name) for name in IMPLEMENTATIONS})


def _mean(calls: list[Fields]) -> float:
    return float(sum(call["tokens"] for call in calls) / len(calls))


def entries(moment: Moment) -> Rows:
    """Return how many entries the cache said it has, in its readings and with its operations."""
    found = {
        name: [event["cache_size"] for event in moment.lately("cache", implementation=name)] for name in IMPLEMENTATIONS
    }
    for reading in moment.lately("gauge", subject="cache"):
        found[reading["instance"]].append(reading["values"]["entries"])
    return expected.by("implementation", {name: expected.one_of(values) for name, values in found.items()})


def bytes_an_entry(moment: Moment) -> Rows:
    """Return the size of an entry; the newest size may be older than the newest count."""
    sizes = {
        reading["instance"]: reading["values"]["size_bytes"] / reading["values"]["entries"]
        for reading in moment.lately("gauge", subject="cache")
    }
    return expected.by("implementation", {name: expected.around(size, 0.01 * size) for name, size in sizes.items()})


def by_implementation(of_s: float, figure: Callable[[Window, str], Expected]) -> Figure:
    """Return the figure that has a number for each implementation."""
    return each("implementation", IMPLEMENTATIONS, of_s, figure)


SIDE_BY_SIDE = "Implementations side by side"

FIGURES: Figures = {
    ("Hit ratio", "A"): by_implementation(300, hit_ratio),
    ("Look-ups", "A"): by_implementation(300, look_ups),
    ("Response p95", "A"): by_implementation(300, p95),
    ("Error ratio", "A"): by_implementation(300, failed),
    ("Entries", "A"): entries,
    ("Tokens saved", "A"): tokens_saved,
    (SIDE_BY_SIDE, "A"): by_implementation(RANGE_S, look_ups_in_range),
    (SIDE_BY_SIDE, "B"): by_implementation(300, hit_ratio),
    # The gateway has no baseline and no last week.
    (SIDE_BY_SIDE, "C"): nothing,
    (SIDE_BY_SIDE, "D"): nothing,
    (SIDE_BY_SIDE, "E"): by_implementation(300, mean),
    (SIDE_BY_SIDE, "F"): nothing,
    (SIDE_BY_SIDE, "G"): by_implementation(300, failed),
    (SIDE_BY_SIDE, "H"): bytes_an_entry,
    (SIDE_BY_SIDE, "I"): tokens_saved,
}
