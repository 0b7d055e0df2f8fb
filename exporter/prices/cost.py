"""The cost of a model call by the price list, as prometheus/rules/models.yml adds it up for all calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from exporter.prices.table import Prices, per_token

_WHOLES = ("input", "output", "total")


class CallCost:
    """The cost of single calls."""

    def __init__(self, prices: Prices) -> None:
        self._by_model: dict[str, dict[str, float]] = defaultdict(dict)
        for model, token_type, dollars in per_token(prices):
            self._by_model[model][token_type] = dollars

    def of(self, model: str, tokens: Mapping[str, int]) -> float | None:
        """Return the cost in dollars; None where no tokens are known, or some have no price.

        Cached, cache-write and reasoning tokens are in the input and the output already, so each adds only the
        difference between its own price and theirs.
        """
        prices = self._by_model.get(model, {})
        wholes = [token_type for token_type in _WHOLES if token_type in tokens]
        if not wholes or not all(token_type in prices for token_type in wholes):
            return None
        net = {token_type: price - prices.get(_whole(token_type), 0.0) for token_type, price in prices.items()}
        return sum(tokens[token_type] * price for token_type, price in net.items() if token_type in tokens)


def _whole(token_type: str) -> str:
    """Return the type that this type of tokens is a part of; an empty one for a whole."""
    return "" if token_type in _WHOLES else token_type.partition("_")[0]
