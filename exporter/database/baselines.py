"""What is normal for a cache, as the database keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from exporter.database.connection import Connection

_COLUMNS = """
    implementation_type as implementation, is_active, baseline_period_start as since, baseline_period_end as until,
    baseline_hit_rate / 100.0 as hit_ratio, hit_rate_stddev / 100.0 as hit_ratio_stddev,
    baseline_avg_response_time_ms / 1000 as response_s, baseline_p95_response_time_ms / 1000 as response_p95_s,
    response_time_stddev / 1000 as response_stddev_s, baseline_error_rate / 100.0 as error_ratio, sample_size
"""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The behaviour of an implementation over a period: ratios from 0 to 1, times in seconds."""

    implementation: str
    is_active: bool
    since: datetime
    until: datetime
    hit_ratio: float
    hit_ratio_stddev: float | None
    response_s: float
    response_p95_s: float
    response_stddev_s: float | None
    error_ratio: float
    sample_size: int


def read(connection: Connection, *, history: bool = False) -> Sequence[Baseline]:
    """The active baseline of each implementation; with `history` all, newest first."""
    with connection.cursor(row_factory=class_row(Baseline)) as cursor:
        query = f"select {_COLUMNS} from public.cache_baseline_metrics where is_active or %s"  # noqa: S608 - a constant
        cursor.execute(query + " order by implementation_type, created_at desc, id", (history,))
        return cursor.fetchall()


def compute(
    connection: Connection, implementation: str | None = None, days: int = 14, minimum_samples: int = 1000
) -> Sequence[Baseline]:
    """Computes and activates baselines from the whole hours of the last `days`; those with too few samples are kept."""
    with connection.cursor(row_factory=class_row(Baseline)) as cursor:
        query = f"select {_COLUMNS} from public.compute_cache_baseline(%s, %s, %s)"  # noqa: S608 - a constant
        cursor.execute(query, (implementation, days, minimum_samples))
        return cursor.fetchall()
