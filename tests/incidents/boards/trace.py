"""The truth about the board "Trace"."""

from __future__ import annotations

from collections.abc import Sequence

from tests.incidents import expected
from tests.incidents.boards.request_flow import layers, took
from tests.incidents.moment import Moment
from tests.incidents.rows import AnyRowsOf, Row, RowFigures
from tests.incidents.truth import Fields

UID = "exai-trace"


def slowest(moment: Moment) -> Sequence[Row]:
    """Return the requests that began in the range; some of them have ended since the moment."""
    return AnyRowsOf(_row(request) for request in moment.began("trace"))


def _row(request: Fields) -> Row:
    spent = layers(request)
    longest = max(spent, key=lambda layer: spent[layer])
    return {
        "trace_id": request["trace_id"],
        "status": request["status"],
        "took": expected.around(took(request), 0.001),
        "layer": longest,
        "share": expected.ratio(spent[longest], took(request)),
    }


def chosen(moment: Moment) -> Sequence[Row]:
    """Return the same: the slowest is chosen while nobody chooses."""
    return AnyRowsOf({name: row[name] for name in ("trace_id", "status", "took")} for row in slowest(moment))


ROWS: RowFigures = {("Slowest requests", "A"): slowest, ("The chosen request", "A"): chosen}
