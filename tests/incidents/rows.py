"""Rows that a board which reads PostgreSQL must show; a few of their columns are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.incidents.expected import Expected
from tests.incidents.moment import Moment

Row = Mapping[str, Expected | str | None]
"""What columns must be: numbers that are expected, or texts."""

RowFigure = Callable[[Moment], Sequence[Row]]
RowFigures = Mapping[tuple[str, str], RowFigure]


class AnyRowsOf(list[Row]):
    """Rows of which some are shown, or none, and no other."""


def differences(shown: Sequence[Mapping[str, Any]], wanted: Sequence[Row]) -> list[str]:
    """Return each row that is not true, and each that is true and not shown; rows of one time have no order."""
    missing, wrong = list(wanted), []
    for row in shown:
        known = next((each for each in missing if _is(row, each)), None)
        if known is None:
            wrong.append(f"{dict(row)} is shown")
        else:
            missing.remove(known)
    left_out = [] if isinstance(wanted, AnyRowsOf) else missing
    return [*wrong, *(f"{dict(row)} is true" for row in left_out)]


def _is(shown: Mapping[str, Any], wanted: Row) -> bool:
    return all(_agrees(shown[name], value) for name, value in wanted.items())


def _agrees(shown: Any, wanted: Expected | str | None) -> bool:
    if wanted is None or isinstance(wanted, str):
        return bool(shown == wanted)
    return shown is not None and wanted.agrees(float(shown))
