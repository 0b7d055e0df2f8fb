"""Where panels stand: lines from top to bottom that fill the 24 columns of a board without a hole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from grafanalib import core

from grafana.panels.asking import Json

COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Line:
    """Panels side by side, of one height (a unit is 38 pixels) and of these widths in columns."""

    height: int
    panels: Sequence[Json | tuple[Json, ...]]
    widths: Sequence[int]


def line(height: int, *panels: Json | tuple[Json, ...], widths: Sequence[int] = ()) -> Line:
    """A line of panels, of equal widths if none are given; a tuple of panels shares its place, one above the other.

    Raises:
        ValueError: they do not fill the line exactly.
    """
    taken = list(widths) or [COLUMNS // len(panels)] * len(panels)
    if len(taken) != len(panels) or sum(taken) != COLUMNS or any(height % len(column) for column in _columns(panels)):
        raise ValueError(f"{len(panels)} panels of widths {taken} do not fill {COLUMNS} columns")
    return Line(height, panels, taken)


def section(title: str) -> Line:
    """A heading over the lines that follow it."""
    row = core.RowPanel(title=title).to_json_data()
    return line(1, {key: row[key] for key in ("type", "title", "collapsed", "panels")})


def repeated(panel: Json, variable: str) -> Json:
    """A panel that comes once for each value of a variable, side by side in the place of the one: six in a row."""
    return {**panel, "repeat": variable, "repeatDirection": "h", "maxPerRow": 6}


def layout(*lines: Line) -> list[Json]:
    """All panels in reading order, with their places and their ids."""
    return [{**panel, "id": number} for number, panel in enumerate(_placed(lines), start=1)]


def _placed(lines: Sequence[Line]) -> Iterator[Json]:
    tops = accumulate((each.height for each in lines), initial=0)
    for top, each in zip(tops, lines, strict=False):
        lefts = accumulate(each.widths, initial=0)
        for left, width, column in zip(lefts, each.widths, _columns(each.panels), strict=False):
            height = each.height // len(column)
            for above, panel in enumerate(column):
                place = core.GridPos(h=height, w=width, x=left, y=top + above * height)
                yield {**panel, "gridPos": place.to_json_data()}


def _columns(panels: Sequence[Json | tuple[Json, ...]]) -> list[tuple[Json, ...]]:
    return [panel if isinstance(panel, tuple) else (panel,) for panel in panels]
