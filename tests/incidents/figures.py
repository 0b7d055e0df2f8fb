"""How a board's numbers are named and what the truth of each is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.incidents import expected
from tests.incidents.expected import Expected, Maybe, Rows
from tests.incidents.moment import Moment
from tests.incidents.truth import Window

Figure = Callable[[Moment], Rows]
"""What a question must answer at a moment."""

Figures = Mapping[tuple[str, str], Figure]
"""Figures by the title of their panel and the letter of their question."""

Reasons = Mapping[tuple[str, str], str]
"""Why a number has no truth here."""


def any_of(rows: Rows) -> Rows:
    """Return the rows of a question that may answer with some of them, or with none."""
    return {labels: Maybe(value) for labels, value in rows.items()}


def each(label: str, values: Sequence[str], of_s: float, figure: Callable[[Window, str], Expected]) -> Figure:
    """Return the figure that has a number for each value of a label, over so many seconds."""
    return lambda moment: expected.by(label, {value: figure(moment.window(of_s), value) for value in values})


def one(of_s: float, figure: Callable[[Window], Expected]) -> Figure:
    """Return the figure that is one number, over so many seconds."""
    return lambda moment: expected.alone(figure(moment.window(of_s)))


def read(subject: str, *path: str, instance: str | None = None) -> Figure:
    """Return the figure that is one number which the gateway has lately measured of itself."""
    return lambda moment: expected.alone(expected.one_of(_readings(moment, subject, path, instance)))


def _readings(moment: Moment, subject: str, path: Sequence[str], instance: str | None) -> list[float]:
    chosen = {"instance": instance} if instance else {}
    return [_value(event["values"], path) for event in moment.lately("gauge", subject=subject, **chosen)]


def _value(values: Any, path: Sequence[str]) -> float:
    for name in path:
        values = values[name]
    return float(values)


def certain(value: float) -> Figure:
    """Return the figure of what never changes."""
    return lambda _: expected.alone(expected.one_of([value]))


def nothing(moment: Moment) -> Rows:
    """Return the figure of a question that has no answer."""
    return {}
