"""Values of series over time, as promtool's test files write them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

STALE = "stale"
"""The value from which on a series is gone."""


class History:
    """The values of each series, told whenever they change; steps count from 0."""

    def __init__(self) -> None:
        self._changes: dict[str, list[tuple[int, str]]] = {}

    def __contains__(self, series: str) -> bool:
        return series in self._changes

    def tell(self, step: int, series: str, value: str) -> None:
        """The series has this value from this step on."""
        changes = self._changes.setdefault(series, [])
        if not changes or changes[-1][1] != value:
            changes.append((step, value))

    def end(self, step: int, series: str) -> None:
        """The series is gone from this step on."""
        self.tell(step, series, STALE)

    def written(self, steps: int) -> Iterator[dict[str, str]]:
        """The `input_series` of a test that lasts so many steps."""
        for series, changes in self._changes.items():
            yield {"series": series, "values": " ".join(_runs(changes, steps))}


def _runs(changes: list[tuple[int, str]], steps: int) -> Iterator[str]:
    """Values by the run: `_x9 4x2` is nothing ten times, then 4 three times."""
    first = changes[0][0]
    if first:
        yield f"_x{first - 1}"
    for (since, value), (until, _) in pairwise([*changes, (steps, "")]):
        if value != STALE:
            yield f"{value}x{until - since - 1}"
        else:
            yield STALE
            if until - since > 1:
                yield f"_x{until - since - 2}"
