"""The truth about the board "Trace"."""

from __future__ import annotations

from collections.abc import Sequence

from tests.incidents import expected
from tests.incidents.boards.request_flow import layers, took
from tests.incidents.rows import Row, RowFigures
from tests.incidents.story import Moment
from tests.incidents.truth import Fields

UID = "exai-trace"
_SHOWN = 50


def slowest(moment: Moment) -> Sequence[Row]:
    """Return the slowest requests that began in the range."""
    found = sorted(moment.began("trace"), key=took, reverse=True)
    return [_row(request) for request in found[:_SHOWN]]


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
    """Return the slowest, which is chosen while nobody chooses."""
    return [{name: row[name] for name in ("trace_id", "status", "took")} for row in slowest(moment)[:1]]


ROWS: RowFigures = {("Slowest requests", "A"): slowest, ("The chosen request", "A"): chosen}
