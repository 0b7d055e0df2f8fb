"""What operators want of a model's timeout, and the names under which models are known."""

from __future__ import annotations

import re
from dataclasses import dataclass

from exporter.timeout_settings import ModelTimeouts, TimeoutSettings

_MONTH, _DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_DATE = re.compile(rf"[-_@](?:20\d\d-?{_MONTH}(?:-?{_DAY})?|{_MONTH}-20\d\d|(?:2\d)?{_MONTH}{_DAY})(?=$|[-_:@])")
"""2024-08-06, 20240806, 2024-08, 08-2024, 240806, 0806; a context length such as 8192 is none."""
_SAME = ModelTimeouts()


def normalised(model: str) -> str:
    """The model's name in lower case, without the date of its release: `Kimi-K2-0905-preview` → `kimi-k2-preview`."""
    return _DATE.sub("", model.strip().lower()) or model


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
