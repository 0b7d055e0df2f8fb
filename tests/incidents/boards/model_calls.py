"""The truth about the board "Model calls"."""

from __future__ import annotations

import math
from collections.abc import Sequence

from exporter.prices.table import read
from tests.incidents import expected
from tests.incidents.expected import Expected
from tests.incidents.moment import Moment
from tests.incidents.rows import Row, RowFigures
from tests.incidents.truth import Fields, counted
from tests.servers import ROOT

UID = "exai-model-calls"
PRICES = read(ROOT / "config/prices.yml")
_SHOWN = 50


def calls(moment: Moment) -> list[Fields]:
    """Return the calls that ended in the range."""
    return moment.happened().calls()


def cost(call: Fields) -> float | None:
    """Return what a call cost, in dollars; None where that is not known."""
    price = PRICES[call["model"]]
    if not call["tokens"]:
        return None
    if "prompt_tokens" in call:
        return (price.input * call["prompt_tokens"] + price.output * call["completion_tokens"]) / 1e6
    return price.blended * call["tokens"] / 1e6 if price.blended else None


def total_cost(found: Sequence[Fields]) -> Expected:
    """Return what calls cost together."""
    total = math.fsum(cost(call) or 0 for call in found)
    return expected.around(total, 1e-6 * total)


def failed(found: Sequence[Fields]) -> Expected:
    """Return how many failed."""
    return expected.one_of([sum(call["outcome"] != "ok" for call in found)])


def kept(moment: Moment) -> Sequence[Row]:
    """Return how many calls there were, and what they cost."""
    found = calls(moment)
    return [
        {
            "calls": expected.one_of([len(found)]),
            "failed": failed(found),
            "cost": total_cost(found),
            "not priced": expected.one_of([sum(bool(call["tokens"]) and cost(call) is None for call in found)]),
        }
    ]


def by_model(moment: Moment) -> Sequence[Row]:
    """Return the same of each model, the busiest first."""
    groups = counted(calls(moment), lambda call: call["model"])
    return [_model(found) for found in sorted(groups.values(), key=len, reverse=True)]


def _model(found: Sequence[Fields]) -> Row:
    took = sorted(expected.seconds(found))
    tokens = sum(call["tokens"] for call in found)
    return {
        "calls": expected.one_of([len(found)]),
        "failed": failed(found),
        **{f"p{q}": expected.around(took[math.ceil(q / 100 * len(took)) - 1], 0.001) for q in (50, 95)},
        **({"total_tokens": expected.one_of([tokens]), "cost": total_cost(found)} if tokens else {}),
    }


def slowest(moment: Moment) -> Sequence[Row]:
    """Return the slowest calls."""
    found = sorted(expected.seconds(calls(moment)), reverse=True)
    return [{"took": expected.around(took, 0.001)} for took in found[:_SHOWN]]


def dearest(moment: Moment) -> Sequence[Row]:
    """Return the dearest calls."""
    found = sorted((dollars for call in calls(moment) if (dollars := cost(call))), reverse=True)
    return [{"cost_dollars": expected.around(dollars, 1e-6 * dollars + 1e-9)} for dollars in found[:_SHOWN]]


ROWS: RowFigures = {
    ("Kept calls", "A"): kept,
    ("Models", "A"): by_model,
    ("Slowest calls", "A"): slowest,
    ("Dearest calls", "A"): dearest,
}
