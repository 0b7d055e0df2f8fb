"""The truth about the board "Providers and timeouts".

PostgreSQL has the timeout that each call was given; how long it took is the gateway's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg
from psycopg.rows import dict_row

from exporter.conventions import RATIO_OF_TIMEOUT_BUCKETS
from tests.incidents import expected
from tests.incidents.expected import SCRAPE_S, Expected, Rows
from tests.incidents.figures import Figure, Figures
from tests.incidents.moment import RANGE_S, Moment
from tests.incidents.truth import Fields, Window, counted

UID = "exai-providers-timeouts"

LEARNED = {"adaptive", "estimate", "shadow"}
_DAY_EVALUATED_EVERY_S = 35
_FEWEST = 20
"""Calls of a model from which on its coverage is shown."""

_CANONICAL = {"kimi-k2-0905-preview": "kimi-k2-preview"}
"""The names of models whose versions share what is learned."""

_CALLS = """
    select model, request_type, outcome, duration_ms / 1000 as took, estimated_timeout_s as given,
      estimate_source as source, extract(epoch from timestamp)::float8 as at
    from monitoring.model_calls where timestamp > to_timestamp(%s) and timestamp <= to_timestamp(%s)
"""


def calls(moment: Moment, of_s: float) -> tuple[Window, list[Fields]]:
    """Return the calls of a window."""
    window = moment.window(of_s)
    with psycopg.connect(moment.story.database, row_factory=dict_row) as connection:
        return window, connection.execute(_CALLS, window.bounds).fetchall()


def exceeded(call: Fields) -> bool:
    """Return whether a call was cut off, or would have been."""
    return bool(call["outcome"] == "timeout" or call["took"] > call["given"])


def scored(call: Fields) -> bool:
    """Return whether a call says anything about a timeout: not where it failed, or others cut it off earlier."""
    cut_off_by_others = call["outcome"] == "timeout" and call["source"] == "shadow" and call["took"] <= call["given"]
    return call["given"] is not None and call["outcome"] != "error" and not cut_off_by_others


def coverage(evaluated_every_s: float) -> Figure:
    """Return the figure of the coverage of the model whose is lowest, which a rule records every so many seconds."""

    def figure(moment: Moment) -> Rows:
        window, found = calls(moment, 3600)
        ends = (window.bounds[1], window.bounds[1] - evaluated_every_s)
        lowest = [_lowest([call for call in found if call["at"] <= end]) for end in ends]
        tolerated = expected.RATIO_TOLERATED
        return expected.alone(expected.Within(min(lowest) - tolerated, max(lowest) + tolerated))

    return figure


def _lowest(found: Sequence[Fields]) -> float:
    groups = counted(list(filter(scored, found)), lambda call: call["model"])
    return min(1 - sum(map(exceeded, each)) / len(each) for each in groups.values() if len(each) >= _FEWEST)


def of_calls(figure: Callable[[Window, list[Fields]], Expected]) -> Figure:
    """Return the figure of the calls of the range."""
    return lambda moment: expected.alone(figure(*calls(moment, RANGE_S)))


def cut_off(window: Window, found: Sequence[Fields]) -> Expected:
    """Return how many calls were cut off, or would have been."""
    return expected.rate(sum(exceeded(call) for call in found if scored(call)), window, times=RANGE_S)


def cut_off_share(_: Window, found: Sequence[Fields]) -> Expected:
    """Return the share of them."""
    judged = list(filter(scored, found))
    return expected.ratio(sum(map(exceeded, judged)), len(judged))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def given(_: Window, found: Sequence[Fields]) -> Expected:
    """Return the mean seconds that a call was given."""
    return expected.mean([call["given"] for call in found if call["given"]])


def taken(_: Window, found: Sequence[Fields]) -> Expected:
    """Return the mean seconds that a call took."""
    return expected.mean([call["took"] for call in found if call["outcome"] != "error"])


def wasted(_: Window, found: Sequence[Fields]) -> Expected:
    """Return the seconds that one waits in vain where a call hangs."""
    given_s = _mean([call["given"] for call in found if call["given"]])
    taken_s = _mean([call["took"] for call in found if call["outcome"] != "error"])
    return expected.around(given_s - taken_s, expected.RATE_TOLERATED * given_s)


def waited(window: Window, found: Sequence[Fields]) -> Expected:
    """Return the seconds that all callers waited in vain, a second."""
    took = [call["took"] for call in found if call["outcome"] == "timeout"]
    return expected.rate(sum(took), window, largest=max(took, default=0))


def asked(sources: set[str]) -> Callable[[Window, list[Fields]], Expected]:
    """Return the figure of the share of timeouts that come from one of these."""

    def figure(_: Window, found: Sequence[Fields]) -> Expected:
        told = [call for call in found if call["given"]]
        return expected.ratio(sum(call["source"] in sources for call in told), len(told))

    return figure


def fewest(moment: Moment) -> Rows:
    """Return the fewest calls that an estimate is learned from: calls that were cut off may count less."""
    _, found = calls(moment, 3600)
    low, high = (_fewest([call for call in found if call["outcome"] in ended]) for ended in ({"ok"}, {"ok", "timeout"}))
    return expected.alone(expected.Within(low * (1 - expected.RATE_TOLERATED) - 1, high + 1))


def _fewest(found: Sequence[Fields]) -> int:
    return min(len(each) for each in counted(found, lambda call: f"{call['model']} {call['request_type']}").values())


def by_model(figure: Callable[[Window, list[Fields]], Expected]) -> Figure:
    """Return the figure of the calls of each model that say anything about a timeout."""

    def each(moment: Moment) -> Rows:
        window, found = calls(moment, RANGE_S)
        groups = counted(list(filter(scored, found)), lambda call: _CANONICAL.get(call["model"], call["model"]))
        return expected.by("model", {name: figure(window, group) for name, group in groups.items()})

    return each


def judged(window: Window, found: Sequence[Fields]) -> Expected:
    """Return how many calls there were."""
    return expected.rate(len(found), window, times=RANGE_S)


def accuracy(q: float) -> Callable[[Window, list[Fields]], Expected]:
    """Return the figure of a quantile of the seconds that calls took, over those that they were given."""
    return lambda _, found: expected.quantile(
        q, [call["took"] / call["given"] for call in found], RATIO_OF_TIMEOUT_BUCKETS
    )


def opinion(_: Moment) -> Rows:
    """Return that the estimator trusts itself somehow: nobody but it can say how far."""
    return expected.alone(expected.Within(0, 1))


PREDICTED = "Predicted against actual"

FIGURES: Figures = {
    ("Lowest coverage", "A"): coverage(SCRAPE_S),
    ("Lowest coverage", "B"): coverage(_DAY_EVALUATED_EVERY_S),
    ("Cut off", "A"): of_calls(cut_off),
    ("Cut off", "B"): of_calls(cut_off_share),
    ("Confidence", "A"): opinion,
    ("Confidence", "B"): fewest,
    ("Time for a call", "A"): of_calls(given),
    ("Time for a call", "B"): of_calls(taken),
    ("Wasted waiting", "A"): of_calls(wasted),
    ("Wasted waiting", "B"): of_calls(waited),
    ("Callers", "A"): of_calls(asked(LEARNED)),
    ("Callers", "B"): of_calls(asked({"shadow"})),
    (PREDICTED, "A"): by_model(judged),
    (PREDICTED, "B"): by_model(accuracy(0.5)),
    (PREDICTED, "C"): by_model(accuracy(0.95)),
    (PREDICTED, "D"): by_model(accuracy(0.99)),
}
