"""How well the simulated gateway's connections do at a moment; incidents turn one into another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

ConnectionType = str

USUAL_ERRORS = (
    "ConnectionError: connection reset by peer",
    "TimeoutError: timed out after 30s",
    "APIStatusError: 429 rate limited",
)
"""The texts that the recorded gateway wrote."""

_USUAL_RATIOS = {"websocket": 0.008, "redis": 0.003, "supabase": 0.01, "kimi": 0.012, "glm": 0.012}


@dataclass(frozen=True, slots=True)
class Conditions:
    """The share of a connection's exchanges that fail, how they fail, and how slow its models are.

    `slowdown` multiplies the seconds that a provider's models, or one model, takes; 1 where it names none.
    """

    error_ratio: Mapping[ConnectionType, float] = field(default_factory=lambda: _USUAL_RATIOS)
    errors: Mapping[ConnectionType, str] = field(default_factory=dict)
    slowdown: Mapping[str, float] = field(default_factory=dict)

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

    def failure(self, connection_type: ConnectionType, rng: Random) -> str | None:
        """The text of the error that the next exchange meets, None if it goes well."""
        if rng.random() >= self.error_ratio[connection_type]:
            return None
        return self.errors.get(connection_type) or rng.choice(USUAL_ERRORS)


NORMAL = Conditions()
"""A quiet day."""
