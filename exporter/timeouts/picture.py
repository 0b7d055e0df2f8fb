"""Timeouts against durations, drawn: needs Pillow (the extra `plot`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Points = Mapping[str, tuple[Sequence[float], Sequence[float]]]
"""Predicted and actual seconds of each model."""

_SIZE, _MARGIN = 900, 80
_COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#17becf")
_GRID, _INK, _CUT_OFF = "#dddddd", "#333333", "#bb0000"


def draw(models: Points, output: Path) -> None:
    """Writes a PNG, both axes logarithmic: what is above the diagonal would have been cut off."""
    image = Image.new("RGB", (_SIZE, _SIZE), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    seconds = [value for points in models.values() for column in points for value in column if value > 0]
    low = floor(log10(min(seconds, default=1)))
    high = max(low + 1, ceil(log10(max(seconds, default=10))))

    def along(value: float) -> float:
        return (log10(max(value, 10.0**low)) - low) / (high - low) * (_SIZE - 2 * _MARGIN)

    def at(predicted: float, actual: float) -> tuple[float, float]:
        return _MARGIN + along(predicted), _SIZE - _MARGIN - along(actual)

    for power in range(low, high + 1):
        tick = 10.0**power
        pen.line([at(tick, 10.0**low), at(tick, 10.0**high)], _GRID)
        pen.line([at(10.0**low, tick), at(10.0**high, tick)], _GRID)
        pen.text((at(tick, tick)[0], _SIZE - _MARGIN + 8), f"{tick:g}", _INK, font, anchor="ma")
        pen.text((_MARGIN - 8, at(tick, tick)[1]), f"{tick:g}", _INK, font, anchor="rm")
    for place, (name, (predicted, actual)) in enumerate(models.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        for pair in zip(predicted, actual, strict=True):
            x, y = at(*pair)
            pen.ellipse((x - 1, y - 1, x + 1, y + 1), _CUT_OFF if pair[1] > pair[0] else colour)
        pen.text((_MARGIN + 12, _MARGIN + 10 + 18 * place), name, colour, font)
    pen.line([at(10.0**low, 10.0**low), at(10.0**high, 10.0**high)], _INK)
    pen.text((_SIZE / 2, _SIZE - 28), "timeout that the call would have been given (s)", _INK, font, anchor="mm")
    pen.text((_MARGIN, _MARGIN - 24), "how long it took (s); red: cut off", _INK, font)
    image.save(output, "PNG")
