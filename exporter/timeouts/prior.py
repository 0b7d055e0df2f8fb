"""What is assumed of a model before its own calls tell: what the pool it belongs to does, else the defaults."""

from __future__ import annotations

from math import exp, log

from exporter.timeouts.learned import Learned, Prediction

LEAST = 50
"""Samples that a pool must have to be asked."""
FORGOTTEN_AT = 400
"""Samples of its own from which a model is asked alone."""
_HALF_AT = 30.0
_INHERITED = 20.0


def child(pool: Learned | None) -> Learned:
    """The beginnings of a model: the pool's curves and tail, as though learned from a few calls."""
    born = Learned()
    if pool:
        born.location.values = pool.location.values[:]
        born.location.weights = [min(1.0, weight) for weight in pool.location.weights]
        born.spread.squares.values = pool.spread.squares.values[:]
        born.spread.squares.weights = [min(1.0, weight) for weight in pool.spread.squares.weights]
        born.spread.pooled = pool.spread.pooled
        born.spread.deciles = pool.spread.deciles[:]
        born.scores = pool.scores.scaled(_INHERITED)
        born.speed.level = pool.speed.level
        # The pool has seen how long such calls may last.
        born.conformal.debt = 0.0
    return born


def blended(known: Prediction | None, samples: int, pooled: Prediction | None, static_s: float) -> Prediction:
    """The geometric mean of what is known and what is assumed, whose weight is 1 / (1 + (samples / 30)²).

    A pool tells how long its models take, not how much longer a new one might: half-way (of the logarithms) to the
    static default is assumed where that is longer.
    """
    assumed = _assumed(pooled, static_s)
    if known is None:
        return assumed
    if samples >= FORGOTTEN_AT:
        return known
    weight = 1.0 / (1.0 + (samples / _HALF_AT) ** 2)
    return Prediction(*[exp(weight * log(a) + (1 - weight) * log(k)) for a, k in zip(assumed, known, strict=True)])


def _assumed(pooled: Prediction | None, static_s: float) -> Prediction:
    if pooled is None:
        return Prediction(static_s, static_s / 10.0, static_s / 100.0, static_s)
    timeout_s = max(pooled.timeout_s, (pooled.timeout_s * static_s) ** 0.5)
    return pooled._replace(timeout_s=timeout_s)
