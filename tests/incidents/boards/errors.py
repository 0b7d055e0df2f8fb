"""The truth about the board "Errors"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.incidents import expected
from tests.incidents.expected import Expected, Labels, Rows
from tests.incidents.figures import Figure, Figures, any_of, one
from tests.incidents.moment import RANGE_S, Moment
from tests.incidents.truth import Fields, Window

UID = "exai-errors"
WHAT_FAILS = "What fails"


def failed(window: Window) -> Expected:
    """Return errors a second."""
    return expected.rate(len(window.operations("error")), window)


def of_operations(window: Window) -> Expected:
    """Return the share of operations that failed."""
    return expected.ratio(len(window.operations("error")), len(window.operations("ok", "error")))


def newest(moment: Moment) -> Rows:
    """Return how long ago the newest error was, which is looked for in steps of the rates' range."""
    return any_of(expected.alone(expected.Within(0, moment.at - newest_at(moment) + 2 * RANGE_S)))


def newest_at(moment: Moment) -> float:
    """Return when the newest operation failed."""
    return max(float(event["timestamp"]) for event in moment.range.operations("error"))


def kind(event: Fields) -> str:
    """Return the type of error under which a connection's error counts, by the texts and types that the demo writes."""
    told = event["metadata"].get("error_type")
    return str(told or ("rate_limited" if "429" in event["error"] else "unknown"))


def labels(event: Fields) -> Labels:
    """Return where and how something failed."""
    place = {name: event[f"{name}_name"] for name in ("script", "function")}
    return frozenset({**place, "connection_type": event["connection_type"], "error_type": kind(event)}.items())


def kinds(moment: Moment) -> Rows:
    """Return in how many ways things failed."""
    inner, outer = (len(_counts(window)) for window in (moment.range, moment.around_range()))
    return expected.alone(expected.Within(inner, outer))


def each_kind(moment: Moment) -> Rows:
    """Return how often things failed, each in its way."""
    window, inner = moment.range, _counts(moment.range)
    rows = {
        about: expected.rate(inner.get(about, 0), window, times=RANGE_S)
        for about in _counts(moment.around_range()).keys() | inner.keys()
    }
    return {about: row if inner.get(about, 0) > 1 else expected.Maybe(row) for about, row in rows.items()}


def _counts(window: Window) -> dict[Labels, int]:
    return Counter(labels(event) for event in window.operations("error"))


def seen(moment: Moment) -> Rows:
    """Return when things failed at first or at last, looked for in steps of the rates' range; in milliseconds."""
    found = {labels(event) for event in moment.window(3 * RANGE_S).operations("error")}
    return any_of(dict.fromkeys(found, expected.Within(1000 * (moment.at - 2 * RANGE_S), 1000 * moment.at)))


def refused(window: Window) -> list[Fields]:
    """Return the model calls that were refused because there were too many."""
    return window.calls(error_type="rate_limited")


def share(of: Callable[[Window], list[Fields]], all_of: Callable[[Window], list[Fields]]) -> Figure:
    """Return the figure of a share of the range."""
    return one(RANGE_S, lambda window: expected.ratio(len(of(window)), len(all_of(window))))


def number(of: Callable[[Window], list[Fields]]) -> Figure:
    """Return the figure of how many there were in the range."""
    return one(RANGE_S, lambda window: expected.rate(len(of(window)), window, times=RANGE_S))


def failed_requests(window: Window) -> list[Fields]:
    """Return the tool requests that failed."""
    return window.of("trace", status={"error", "timeout"})


def answered(status: int) -> Callable[[Window], list[Fields]]:
    """Return what finds the HTTP requests that were answered so."""
    return lambda window: window.of("http", status=status)


FIGURES: Figures = {
    ("Errors", "A"): one(RANGE_S, failed),
    ("Errors", "B"): one(RANGE_S, of_operations),
    ("Newest error", "A"): newest,
    ("Kinds of errors", "A"): kinds,
    ("Refused with 429", "A"): number(refused),
    ("Refused with 429", "B"): share(refused, Window.calls),
    ("Failed tool requests", "A"): number(failed_requests),
    ("Failed tool requests", "B"): share(failed_requests, lambda window: window.of("trace")),
    ("HTTP errors", "A"): share(answered(500), lambda window: window.of("http")),
    ("HTTP errors", "B"): share(answered(400), lambda window: window.of("http")),
    (WHAT_FAILS, "A"): each_kind,
    (WHAT_FAILS, "B"): seen,
    (WHAT_FAILS, "C"): seen,
}
