"""What operators want of a model's timeout."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.calls import normalised
from exporter.timeout_settings import ModelTimeouts, TimeoutSettings

_SAME = ModelTimeouts()


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of one model's timeouts; seconds, and ratios 0…1."""

    quantile: float
    floor_s: float
    ceiling_s: float
    confidence_threshold: float
    static_s: float
    emergency_s: float | None


def policy_for(settings: TimeoutSettings, model: str, provider: str) -> Policy:
    """What holds for a model (its normalised name) of a provider."""
    own = next((wanted for name, wanted in settings.models.items() if normalised(name) == model), _SAME)
    return Policy(
        quantile=own.quantile or settings.quantile,
        floor_s=own.floor_s or settings.floor_s,
        ceiling_s=own.ceiling_s or settings.ceiling_s,
        confidence_threshold=_first(own.confidence_threshold, settings.confidence_threshold),
        static_s=settings.static_s.get(provider, settings.static_default_s),
        emergency_s=_emergency(settings.emergency_s, model),
    )


def _first(own: float | None, common: float) -> float:
    return common if own is None else own


def _emergency(overrides: dict[str, float], model: str) -> float | None:
    matching = [key for key in overrides if key.lower() in model]
    return overrides[max(matching, key=len)] if matching else None
