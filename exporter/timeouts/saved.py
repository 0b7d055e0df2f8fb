"""What is learned, as bytes and back, exactly."""

from __future__ import annotations

from array import array
from typing import Any

import msgspec

from exporter.timeouts.curves import Curve
from exporter.timeouts.learned import Learned
from exporter.timeouts.quantiles import BINS

_VERSION = 2


class _Saved(msgspec.Struct, array_like=True, frozen=True):
    version: int
    provider: str
    numbers: list[float]
    deciles: list[float]
    curves: list[tuple[list[float], list[float]]]
    bins: dict[int, float]
    top: int
    history: tuple[bytes, bytes, bytes]


_decoder = msgspec.msgpack.Decoder(_Saved)


def dump(learned: Learned, provider: str) -> bytes:
    """The whole state of one model or pool."""
    history = learned.history
    return msgspec.msgpack.encode(
        _Saved(
            _VERSION,
            provider,
            _numbers(learned),
            learned.spread.deciles,
            [(curve.values, curve.weights) for curve in _curves(learned)],
            {index: weight for index, weight in enumerate(learned.scores.bins) if weight},
            learned.scores.top,
            (history.times.tobytes(), history.levels.tobytes(), history.tails.tobytes()),
        )
    )


def load(state: bytes) -> tuple[Learned, str]:
    """The state and its provider.

    Raises:
        ValueError: these bytes are no such state.
    """
    try:
        kept = _decoder.decode(state)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    if kept.version != _VERSION:
        raise ValueError(f"a state of version {kept.version}")
    learned = Learned()
    _set_numbers(learned, kept.numbers)
    learned.spread.deciles = kept.deciles
    for curve, (values, weights) in zip(_curves(learned), kept.curves, strict=True):
        curve.values, curve.weights = values, weights
    learned.scores.bins = [kept.bins.get(index, 0.0) for index in range(BINS)]
    learned.scores.top = kept.top
    history = learned.history
    history.times, history.levels, history.tails = array("d"), array("f"), array("f")
    for column, data in zip((history.times, history.levels, history.tails), kept.history, strict=True):
        column.frombytes(data)
    return learned, kept.provider


def _curves(learned: Learned) -> tuple[Curve, ...]:
    return learned.location, learned.allowance, learned.spread.squares


def _parts(learned: Learned) -> tuple[tuple[Any, tuple[str, ...]], ...]:
    return (
        (learned, ("tail", "samples", "cut_off", "cut_off_share", "calls", "born_at", "learned_at")),
        (learned.speed, ("level", "calls")),
        (learned.scores, ("weight", "total")),
        (learned.conformal, ("debt", "coverage", "calls")),
        (learned.spread, ("pooled", "calls")),
    )


def _numbers(learned: Learned) -> list[float]:
    return [getattr(part, name) for part, names in _parts(learned) for name in names]


def _set_numbers(learned: Learned, numbers: list[float]) -> None:
    values = iter(numbers)
    for part, names in _parts(learned):
        for name in names:
            setattr(part, name, type(getattr(part, name))(next(values)))
