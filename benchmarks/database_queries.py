"""What dashboards ask PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.grafana.shipped import sql_targets

QUERIES: Mapping[str, str] = {
    "hit ratio of 7 days, by summary": "select * from public.get_cache_performance_summary(null, interval '7 days')",
    "hit ratio of 24 hours": """
        select implementation_type, sum(hits) / nullif(sum(hits + misses), 0) from public.cache_metrics_1min
        where minute_window >= now() - interval '24 hours' group by 1""",
    "operations by minute of 24 hours": """
        select minute_window, implementation_type, hits, misses, sets, evictions, errors from public.cache_metrics_1min
        where minute_window >= now() - interval '24 hours' order by minute_window""",
    "operations by minute of the last hour, from raw rows": """
        select date_bin('1 minute', timestamp, '2000-01-01 00:00+00'), operation_type, count(*)
        from public.cache_metrics where timestamp >= now() - interval '1 hour' group by 1, 2""",
    "newest errors": "select * from monitoring.errors order by timestamp desc limit 100",
    "newest errors of caches, from raw rows": """
        select * from public.cache_metrics where operation_type = 'error' order by timestamp desc limit 100""",
    "open observations": """
        select * from public.cache_auditor_observations where not acknowledged order by timestamp desc limit 100""",
    "baselines": "select * from public.cache_baseline_metrics where is_active",
}
"""What summaries are made of and gateways' own dashboards ask, by what they ask for."""

_RANGE = timedelta(days=7)
"""As far as raw rows are kept: the longest range of a board."""


def of_boards(now: datetime) -> Mapping[str, str]:
    """What our boards ask PostgreSQL, by board and panel, as Grafana fills it in for the longest range."""
    return {str(target): target.statement(now - _RANGE, now).decode() for target in sql_targets()}


def nodes(tree: Mapping[str, Any], below: str) -> Iterator[Mapping[str, Any]]:
    """A node and all that are below it, by the name that nodes below have."""
    yield tree
    for node in tree.get(below, ()):
        yield from nodes(node, below)
