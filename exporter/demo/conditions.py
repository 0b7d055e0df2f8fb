"""How well the simulated gateway's connections do at a moment; incidents turn one into another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

ConnectionType = str

RATE_LIMITED = "Error code: 429 - {'error': {'message': 'rate limit'}}"
USUAL_ERRORS = (
    "ConnectionError: connection reset by peer",
    "TimeoutError: timed out after 30s",
    "RetryableError: boom",
)
"""The texts that the recorded gateway wrote of its stores and its sockets."""

_PROVIDER_ERRORS = ("Connection error.", RATE_LIMITED, "Error code: 500 - {'error': {'message': 'internal error'}}")
"""The texts of the providers' SDKs."""

_PROVIDERS = {"kimi", "glm"}
_USUAL_RATIOS = {"websocket": 0.008, "redis": 0.0015, "supabase": 0.005, "kimi": 0.006, "glm": 0.006}


FIRST_LATER_CALL = 3
"""The call of a conversation from which on `later_slowdown` holds."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """The share of a connection's exchanges that fail, how they fail, and how slow its models are.

    `slowdown` multiplies the seconds that a provider's models, or one model, takes; 1 where it names none.
    `later_slowdown` does the same for a layer, from the third call of a conversation on.
    """

    error_ratio: Mapping[ConnectionType, float] = field(default_factory=lambda: _USUAL_RATIOS)
    errors: Mapping[ConnectionType, str] = field(default_factory=dict)
    slowdown: Mapping[str, float] = field(default_factory=dict)
    later_slowdown: Mapping[str, float] = field(default_factory=dict)

    def failing(self, connection_type: ConnectionType, ratio: float, error: str) -> Conditions:
        """The same, but that share of one connection's exchanges fails with that text."""
        return replace(
            self,
            error_ratio={**self.error_ratio, connection_type: ratio},
            errors={**self.errors, connection_type: error},
        )

    def slowed(self, who: str, factor: float) -> Conditions:
        """The same, but a provider's models, or the model of that name, takes `factor` times as long."""
        return replace(self, slowdown={**self.slowdown, who: factor * self.slowdown.get(who, 1)})

    def slower(self, provider: ConnectionType, model: str) -> float:
        """How many times its usual seconds a provider's model takes."""
        return self.slowdown.get(provider, 1) * self.slowdown.get(model, 1)

    def slowed_later(self, layer: str, factor: float) -> Conditions:
        """Return the same, but a layer takes `factor` times as long from the third call of a conversation on."""
        return replace(self, later_slowdown={**self.later_slowdown, layer: factor})

    def pace(self, layer: str, call_index: int) -> float:
        """Return how many times its usual seconds a layer takes in that call of a conversation."""
        return self.later_slowdown.get(layer, 1) if call_index >= FIRST_LATER_CALL else 1

    def failure(self, connection_type: ConnectionType, rng: Random) -> str | None:
        """The text of the error that the next exchange meets, None if it goes well."""
        if rng.random() >= self.error_ratio[connection_type]:
            return None
        usual = _PROVIDER_ERRORS if connection_type in _PROVIDERS else USUAL_ERRORS
        return self.errors.get(connection_type) or rng.choice(usual)


NORMAL = Conditions()
"""A quiet day."""
