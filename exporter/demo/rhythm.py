"""How busy the simulated gateway is: more by day (UTC) than by night, and on weekdays than at weekends."""

from __future__ import annotations

import math

DAY_S = 86_400
WEEK_S = 7 * DAY_S

_BY_DAY, _BY_WEEK = 0.4, 0.25
_QUIETEST_S = 3 * DAY_S
"""Midnight between a Saturday and a Sunday, after the midnight that began a Thursday, as Unix's time did."""


def busy(at: float) -> float:
    """How many times as busy as a week is on average, at a moment (Unix seconds): from 0.35 to 1.65."""
    by_day = _BY_DAY * math.cos(2 * math.pi * at / DAY_S)
    by_week = _BY_WEEK * math.cos(2 * math.pi * (at - _QUIETEST_S) / WEEK_S)
    return 1 - by_day - by_week


def steady(at: float) -> float:  # noqa: ARG001
    """The same all the time."""
    return 1
