"""The active baseline of each cache, as gauges."""

from __future__ import annotations

from exporter import conventions as series
from exporter.sources.postgres_pool import Database
from exporter.types import Level

_ACTIVE = """
    select implementation_type, baseline_hit_rate / 100, baseline_avg_response_time_ms / 1000,
      baseline_p95_response_time_ms / 1000, baseline_error_rate / 100, hit_rate_stddev / 100,
      response_time_stddev / 1000, sample_size
    from public.cache_baseline_metrics where is_active order by implementation_type limit 100
"""
"""Rates are kept in percent and times in milliseconds."""

_FAMILIES = (
    series.BASELINE_HIT_RATIO,
    series.BASELINE_RESPONSE,
    series.BASELINE_RESPONSE_P95,
    series.BASELINE_ERROR_RATIO,
    series.BASELINE_HIT_RATIO_STDDEV,
    series.BASELINE_RESPONSE_STDDEV,
    series.BASELINE_SAMPLES,
)


def active_baselines(connection: Database) -> list[Level]:
    """What is normal now; a deviation that was not computed has no series."""
    return [
        (family, (implementation,), float(value))
        for implementation, *values in connection.execute(_ACTIVE).fetchall()
        for family, value in zip(_FAMILIES, values, strict=True)
        if value is not None
    ]
