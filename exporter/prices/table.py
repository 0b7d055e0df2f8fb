"""Reads config/prices.yml: what a million tokens of each model cost, since when, and who says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from exporter.conventions import is_printable
from exporter.decode.validate import refusal
from exporter.strict_yaml import read_names
from exporter.types import Refused

Dollars = Annotated[float, Meta(ge=0, le=10_000)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]

MILLION = 1_000_000


class Price(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a million tokens of one model cost, in dollars, on `date` and by `source`.

    `cached_input`, `cache_write` and `reasoning` are the prices of parts of the input and the output; a part without
    a price of its own costs what the whole costs. `blended` is the price where only the sum of both is known.

    `example` marks a price that nobody has compared with its source. `aliases` are other names of the same model.
    """

    input: Dollars
    output: Dollars
    date: date
    source: Annotated[str, Meta(pattern="^https?://", max_length=500)]
    cached_input: Dollars | None = None
    cache_write: Dollars | None = None
    reasoning: Dollars | None = None
    blended: Dollars | None = None
    example: bool = False
    aliases: tuple[Name, ...] = ()


Prices = Mapping[str, Price]
"""Every price by the name of its model."""


def read(path: Path) -> dict[str, Price]:
    """The prices of the file.

    Raises:
        Refused: it cannot be used; names the field.
    """
    prices = {model: _price(model, entry) for model, entry in read_names(path, "prices").items()}
    _check_names(prices)
    return prices


def per_token(prices: Prices) -> Iterator[tuple[str, str, float]]:
    """Name of the model, type of the token, and what one costs in dollars: under every name that a model has."""
    for model, price in prices.items():
        costs = {
            "input": price.input,
            "output": price.output,
            "total": price.blended,
            "input_cached": price.cached_input,
            "input_cache_write": price.cache_write,
            "output_reasoning": price.reasoning,
        }
        for name in (model, *price.aliases):
            yield from ((name, kind, cost / MILLION) for kind, cost in costs.items() if cost is not None)


def _price(model: str, entry: Any) -> Price:
    try:
        return msgspec.convert(entry, Price)
    except msgspec.ValidationError as error:
        raise refusal(error, model) from None


def _check_names(prices: Prices) -> None:
    seen = set()
    for model, price in prices.items():
        named = {f"{model}.aliases[{place}]": alias for place, alias in enumerate(price.aliases)}
        for field, name in {model: model, **named}.items():
            if not is_printable(name) or not 1 <= len(name) <= 128:
                raise Refused(field, "unknown_value", f"{name!r} is not 1 to 128 printable characters")
            if name in seen:
                raise Refused(field, "unknown_value", f"{name} has two prices")
            seen.add(name)
