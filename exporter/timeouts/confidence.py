"""How far a timeout can be trusted, from 0 to 1."""

from __future__ import annotations

from math import exp, log, sqrt

_HALF_AT = 20.0
_WIDE = 6.0
_TOLERATED_Z = 2.0
_RECENT = 500.0


def confidence(samples: int, interval: tuple[float, float], coverage: float | None, quantile: float) -> float:
    """The product of three shares, each 1 at best.

    Evidence: samples / (samples + 20). Sharpness: 1 / (1 + (w / 6)²) with w = ln(90th / 10th percentile).
    Promise: exp(−(z / 2)² / 2), where z is by how many standard errors of a share (of the last 500 samples at most)
    the coverage is below the quantile; 1 where it is not, and ½ where nothing has been covered yet.
    """
    evidence = samples / (samples + _HALF_AT)
    low, high = interval
    sharpness = 1.0 / (1.0 + (log(high / low) / _WIDE) ** 2) if 0.0 < low < high else 1.0
    return evidence * sharpness * _promise(samples, coverage, quantile)


def _promise(samples: int, coverage: float | None, quantile: float) -> float:
    if coverage is None or not samples:
        return 0.5
    error = sqrt(quantile * (1.0 - quantile) / min(samples, _RECENT))
    z = max(0.0, (quantile - coverage) / error)
    return exp(-((z / _TOLERATED_Z) ** 2) / 2.0)
