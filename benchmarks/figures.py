"""What a benchmark finds: a value, what it is held against, and whether the goal is met."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from statistics import median

_COLUMNS = ("figure", "value", "peer", "ratio", "goal", "met")


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on a figure's value, or on its ratio to the peer where `times` is set."""

    bound: float
    sign: str
    times: bool = False
    condition: str = ""

    def is_met(self, figure: float) -> bool:
        """Whether the figure is on the right side of the bound."""
        return bool(_COMPARE[self.sign](figure, self.bound))

    def __str__(self) -> str:
        return f"{self.sign} {_number(self.bound)}{'x' if self.times else ''}{self.condition}"


_COMPARE = {"≥": operator.ge, "≤": operator.le}


@dataclass(frozen=True, slots=True)
class Peer:
    """Who did the same work in the same run, and its value; None, if it could not be had, with the reason."""

    name: str
    value: float | None
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.name} (not measured: {self.reason})" if self.value is None else self.name


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the result; `met` is None where there is no goal, or nothing to hold it against."""

    name: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    goal: str | None = None
    met: bool | None = None


def against(name: str, value: float, unit: str, peer: Peer, goal: Goal) -> Figure:
    """A figure whose ratio says how many times better than the peer it is: more of a rate, less of a time."""
    if peer.value is None:
        return Figure(name, value, unit, str(peer), None, None, str(goal), None)
    ratio = peer.value / value if unit == "ms" else value / peer.value
    return Figure(name, value, unit, str(peer), peer.value, ratio, str(goal), goal.is_met(ratio))


def slowed(name: str, value: float, unit: str, undisturbed: Peer, goal: Goal | None = None) -> Figure:
    """A figure whose ratio says how many times longer something takes than when it is left alone."""
    assert undisturbed.value is not None
    ratio = value / undisturbed.value
    met = goal.is_met(ratio) if goal else None
    return Figure(name, value, unit, str(undisturbed), undisturbed.value, ratio, str(goal) if goal else None, met)


def alone(name: str, value: float, unit: str, goal: Goal | None = None, *, applies: bool = True) -> Figure:
    """A figure held against a fixed bound; where the goal's condition is not given, it is neither met nor missed."""
    met = goal.is_met(value) if goal and applies else None
    return Figure(name, value, unit, goal=str(goal) if goal else None, met=met)


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that `share` (0…1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def middle(values: Sequence[float]) -> float:
    """The median."""
    return float(median(values))


def as_json(figures: Iterable[Figure]) -> str:
    """A JSON array with an object a figure."""
    return json.dumps([asdict(figure) for figure in figures], indent=2, ensure_ascii=False)


def as_table(figures: Iterable[Figure]) -> str:
    """The figures in aligned columns."""
    rows = [_COLUMNS, *map(_row, figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _row(figure: Figure) -> tuple[str, ...]:
    peer = figure.peer or ""
    if figure.peer_value is not None:
        peer = f"{peer}: {_number(figure.peer_value)}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}x"
    met = {True: "yes", False: "NO", None: "-"}[figure.met]
    return figure.name, f"{_number(figure.value)} {figure.unit}", peer, ratio, figure.goal or "", met


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
