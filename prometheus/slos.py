"""The objectives of config/slos.yml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from exporter.conventions import LATENCY_BUCKETS

Objective = Annotated[float, Meta(gt=0, lt=1)]
Service = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$")]


class Latency(Struct, frozen=True, forbid_unknown_fields=True):
    """The share of answers that come within so many seconds."""

    within_seconds: float
    objective: Objective


class Slos(Struct, frozen=True, forbid_unknown_fields=True):
    """The objectives of each connection type."""

    minimum_events: Annotated[int, Meta(ge=1)]
    minimum_failures: Annotated[int, Meta(ge=1)]
    availability: dict[Service, Objective]
    latency: dict[Service, Latency]


def read_slos(path: Path) -> Slos:
    """The objectives of the file; ValueError names what cannot be used."""
    slos = msgspec.yaml.decode(path.read_bytes(), type=Slos)
    for service, latency in slos.latency.items():
        if latency.within_seconds not in LATENCY_BUCKETS:
            bounds = ", ".join(f"{bound:g}" for bound in LATENCY_BUCKETS)
            raise ValueError(f"latency.{service}.within_seconds: {latency.within_seconds:g} is none of {bounds}")
    return slos
