"""The correction that keeps the promise: missed calls are a debt, paid back by a stricter level."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

_PER_MISS = 0.03
_LARGE = 13.0
_MOST_OWED = 200.0
_STRICTEST, _LAXEST = 0.9, -1.0
_RECENT = 500
_OWED_AT_FIRST = 3.0


@dataclass(slots=True)
class Conformal:
    """Adaptive conformal inference: the level at which the next quantile is taken follows from the misses so far.

    Gibbs and Candès (2021, "Adaptive conformal inference under distribution shift") move the level by
    γ · (target − miss) a call, which makes the long-run share of misses exact whatever the data do. Here the level is
    target · exp(−s), and the debt d the sum of (miss − target). The strictness s = 0.03 · d · (1 + (d / 13)²) is the
    saturating integrator of Angelopoulos, Candès and Tibshirani (2023, "Conformal PID control for time series
    prediction"): mild for what chance brings, firm for what does not, and never above 0.9, so that a burst of
    misses is paid back over thousands of calls rather than by excessive timeouts at once. It begins with a debt of 3:
    the slowest of the first calls are seen last.
    """

    debt: float = _OWED_AT_FIRST
    coverage: float = 1.0
    calls: float = 0.0

    def learn(self, missed: float, target: float, part: float = 1.0) -> None:
        """Learns with what probability a call missed its timeout; `part` is how much the call counts."""
        self.debt = max(-_MOST_OWED, min(_MOST_OWED, self.debt + part * (missed - target)))
        self.calls += part
        self.coverage += part * (1.0 - missed - self.coverage) / max(1.0, min(self.calls, _RECENT))

    def level(self, target: float) -> float:
        """The share of calls that the next timeout should cut off, for `target` of them in the long run."""
        strictness = _PER_MISS * self.debt * (1.0 + (self.debt / _LARGE) ** 2)
        return target * exp(-max(_LAXEST, min(_STRICTEST, strictness)))
