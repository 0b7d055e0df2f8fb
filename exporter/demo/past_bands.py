"""What the rules of prometheus/rules/bands.yml would have learned of a series, every 5 minutes."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from statistics import fmean, median

from exporter.demo.rhythm import DAY_S, WEEK_S

STEP_S = 300

Values = list[float | None]

_DAY, _WEEK, _HALF_AN_HOUR = DAY_S // STEP_S, WEEK_S // STEP_S, 1800 // STEP_S
_FEWEST = 72
_RECORDED = ("kept", "mean1d", "swing", "season", "residual", "deviation", "mean", "lower", "upper")
_RELATIVE = 0.05


class Learned:
    """The series of one band by the last part of their names, as long as `seen`."""

    def __init__(self, seen: Sequence[float | None], floor: float, multiple: float) -> None:
        self._floor, self._multiple = floor, multiple
        self.series: dict[str, Values] = {name: [] for name in _RECORDED}
        self._kept, self._residuals = _Day(), _Day()
        for value in seen:
            self._learn(value)

    def _learn(self, value: float | None) -> None:
        mean = _sum(self._last("mean1d"), self._last("season") or 0)
        deviation = self._last("deviation")
        lower, upper = self._edges(mean, deviation)
        kept = None if value is None else min(max(value, lower or 0), math.inf if upper is None else upper)
        outside = value != kept
        mean1d = self._kept.with_next(kept)
        residual = None if outside else _sum(value, mean, -1)
        spread = self._residuals.with_next(residual) and self._residuals.deviation
        swing, season = _sum(kept, mean1d, -1), self._same_time_of_other_weeks()
        told = (kept, mean1d, swing, season, residual, self._widest(spread, mean), mean, lower, upper)
        for values, one in zip(self.series.values(), told, strict=True):
            values.append(one)

    def _last(self, name: str) -> float | None:
        return self.series[name][-1] if self.series[name] else None

    def _edges(self, mean: float | None, deviation: float | None) -> tuple[float | None, float | None]:
        if mean is None or deviation is None:
            return None, None
        return max(mean - self._multiple * deviation, 0), mean + self._multiple * deviation

    def _widest(self, spread: float | None, mean: float | None) -> float | None:
        return None if spread is None or mean is None else max(spread, _RELATIVE * abs(mean), self._floor)

    def _same_time_of_other_weeks(self) -> float | None:
        """The median of the weeks' means of an hour around this moment."""
        swings, now = self.series["swing"], len(self.series["swing"])
        weeks = []
        for then in range(now - _WEEK, -1, -_WEEK):
            hour = [one for one in swings[max(then - _HALF_AN_HOUR, 0) : then + _HALF_AN_HOUR] if one is not None]
            weeks += [fmean(hour)] if hour else []
        return median(weeks) if weeks else None


class _Day:
    """Mean and deviation of the values of the last day, once there are enough and one is a day old."""

    def __init__(self) -> None:
        self._values: deque[float | None] = deque(maxlen=_DAY)
        self._count, self._sum, self._squares = 0, 0.0, 0.0
        self._old = False

    def with_next(self, value: float | None) -> float | None:
        """The mean with one value more."""
        if len(self._values) == _DAY:
            self._add(self._values[0], -1)
        self._values.append(value)
        self._add(value, 1)
        return self._sum / self._count if self._old and self._count >= _FEWEST else None

    @property
    def deviation(self) -> float:
        """How far the values are from their mean."""
        return math.sqrt(max(self._squares / self._count - (self._sum / self._count) ** 2, 0))

    def _add(self, value: float | None, sign: int) -> None:
        if value is not None:
            self._old = self._old or sign < 0
            self._count += sign
            self._sum += sign * value
            self._squares += sign * value * value


def _sum(one: float | None, other: float | None, sign: int = 1) -> float | None:
    return None if one is None or other is None else one + sign * other
