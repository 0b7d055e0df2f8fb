"""What can be set about timeouts: the `timeouts` section of the settings."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Quantile = Annotated[float, Meta(ge=0.5, le=0.9999)]
Ratio = Annotated[float, Meta(ge=0, le=1)]
Models = Annotated[int, Meta(ge=1, le=10_000)]


class ModelTimeouts(Struct, frozen=True, forbid_unknown_fields=True):
    """What differs for one model; a key that is left out is as for all."""

    quantile: Quantile | None = None
    """Share of the calls that must end within their timeout."""
    floor_s: Seconds | None = None
    """Seconds that no timeout is below."""
    ceiling_s: Seconds | None = None
    """Seconds that no timeout is above."""
    confidence_threshold: Ratio | None = None
    """Confidence below which the provider is asked to count a prompt's tokens."""


class TokenEstimates(Struct, frozen=True, forbid_unknown_fields=True):
    """The provider's token counter (Moonshot's `/tokenizers/estimate-token-count`)."""

    base_url: str = "https://api.moonshot.ai/v1"
    """Base of the provider's API."""
    key_file: str = ""
    """File of the API key; empty: the environment's `MOONSHOT_API_KEY`, and without it tokens are guessed here."""
    providers: tuple[str, ...] = ("kimi",)
    """Providers whose prompts it can count."""
    timeout_s: Annotated[float, Meta(gt=0, le=30)] = 5.0
    """Seconds after which tokens are guessed here."""


class TimeoutSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How long calls of models may take."""

    quantile: Quantile = 0.99
    """Share of the calls that must end within their timeout."""
    floor_s: Seconds = 1.0
    """Seconds that no timeout is below."""
    ceiling_s: Seconds = 3600.0
    """Seconds that no timeout is above."""
    max_duration_s: Seconds = 3600.0
    """Durations above are not learned."""
    confidence_threshold: Ratio = 0.5
    """Confidence below which the provider is asked to count a prompt's tokens."""
    static_s: dict[str, Seconds] = field(default_factory=lambda: {"kimi": 300.0, "glm": 120.0, "openai": 180.0})
    """Seconds for a model of which nothing is known, by provider."""
    static_default_s: Seconds = 180.0
    """Seconds for a model of any other provider."""
    emergency_s: dict[str, Seconds] = {}
    """Overrides: seconds for every model whose name contains the key, whatever its case; the longest key wins."""
    most_models: Models = 500
    """Pairs of model and request type that are learned apart; further ones share what is known of their provider."""
    models: dict[str, ModelTimeouts] = {}
    """What differs for a model, by its name; a date in it makes no difference."""
    tokens: TokenEstimates = TokenEstimates()
    """The provider's token counter."""
