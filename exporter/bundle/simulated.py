"""Find out whether a demo of 0.1 ran in a real bundle, where simulated and real data cannot be told apart any more.

Since 0.2 the demo is a bundle of its own and leaves none of these marks in a real one.
"""

from __future__ import annotations

from exporter.bundle import backfill
from exporter.bundle.layout import Layout

WARNING = (
    "A demo of exporter 0.1 ran in this bundle. What it simulated is mixed with real data and cannot be told apart: "
    "estimates, bands and boards are wrong. `make down reset up` removes all of it and starts anew."
)

ROWS = "select exists (select from public.cache_auditor_observations where metadata ? 'simulated')"
"""Asks whether a demo has written its history into a PostgreSQL."""


def in_state(layout: Layout) -> bool:
    """Whether a state directory has the log of a demo, or the past that one gave Prometheus."""
    return backfill.has_past(layout.data("prometheus")) or any(layout.logs.glob(f"{layout.log('demo').name}*"))
