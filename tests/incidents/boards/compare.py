"""The truth about the board "Compare", which shows the events of each connection until another series is chosen."""

from __future__ import annotations

from tests.incidents import expected
from tests.incidents.expected import SCRAPE_S, Expected, Rows
from tests.incidents.figures import Figures, nothing
from tests.incidents.moment import RANGE_S, Moment

UID = "exai-compare"
MEANS = "Means of this time range"
CONNECTIONS = ("websocket", "redis", "supabase", "kimi", "glm")
_RATE_OF_S = 300


def mean_rates(moment: Moment) -> Rows:
    """Return events a second over 5 minutes, on average over the range."""
    ends = range(0, RANGE_S + 1, SCRAPE_S)

    def figure(connection: str) -> Expected:
        rates = [_rate(moment, connection, ago_s) for ago_s in ends]
        mean = sum(rates) / len(rates)
        return expected.around(mean, 2 * expected.RATE_TOLERATED * mean)

    return expected.by("subject", {connection: figure(connection) for connection in CONNECTIONS})


def _rate(moment: Moment, connection: str, ago_s: float) -> float:
    events = moment.story.truth.sent(moment.at - ago_s - _RATE_OF_S, moment.at - ago_s)
    return sum(event.get("connection_type") == connection for event in events) / _RATE_OF_S


# The gateway has no yesterday and no last week.
FIGURES: Figures = {(MEANS, "A"): mean_rates, **{(MEANS, letter): nothing for letter in "BCDE"}}
