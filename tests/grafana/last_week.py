"""A week ago, for what is compared with it in Postgres."""

from __future__ import annotations

from typing import LiteralString

from tests.databases import Postgres
from tests.grafana import kept_calls, kept_requests

_OPERATIONS: LiteralString = """
    insert into public.cache_metrics
      (operation_type, implementation_type, response_time_ms, error_type, error_message, timestamp)
    select o.operation, i.implementation, i.median_ms * exp(0.5 * sqrt(-2 * ln(1 - random())) * cos(6.28 * random())),
      case o.operation when 'error' then 'SerializationError' end,
      case o.operation when 'error' then 'truncated entry' end, s.at
    from generate_series(now() - interval '26 hours', now(), interval '4 seconds') s (at)
    cross join (values ('legacy', 9.0, 0.5), ('new', 3.5, 0.68)) i (implementation, median_ms, hit_ratio)
    cross join lateral (select case when mod(extract(epoch from s.at)::bigint / 4, 50) = 0 then 'error'
      when random() < i.hit_ratio then 'hit' else 'miss' end as operation) o
"""
_A_WEEK_BEFORE: LiteralString = """
    insert into public.cache_metrics_1min
      select (jsonb_populate_record(w, jsonb_build_object(
        'id', gen_random_uuid(), 'minute_window', w.minute_window - interval '168 hours', 'hits', w.hits * 9 / 10,
        'p95_response_time_ms', w.p95_response_time_ms * 0.7))).*
      from public.cache_metrics_1min w;
    insert into public.cache_metrics_1hour
      select (jsonb_populate_record(w, jsonb_build_object(
        'id', gen_random_uuid(), 'hour_window', w.hour_window - interval '168 hours', 'hit_rate', w.hit_rate * 0.95,
        'total_operations', w.total_operations * 5 / 4, 'p95_response_time_ms', w.p95_response_time_ms * 0.9))).*
      from public.cache_metrics_1hour w;
"""
_OBSERVED: LiteralString = """
    insert into public.cache_auditor_observations (severity, category, title, description, recommendation,
      implementation_type, subject, metric_name, metric_value, baseline_value, deviation_percentage, started_at,
      timestamp, resolved_at, acknowledged)
    select severity, category, title, title, recommendation, implementation, implementation, metric, value, normal,
      100 * (value - normal) / normal, now() - since, now() - since, now() - ended, acknowledged
    from (values
      ('info', 'anomaly', 'The cache does better than its baseline',
       'If it stays so, compute a new baseline; if nothing was meant to change, see what did.',
       'new', 'avg_response_time_ms', 3.1, 4.3, interval '3 hours', null, false),
      ('critical', 'performance', 'The cache hits less than usual',
       'See whether evictions rose, keys changed or the similarity threshold did; a larger cache may help.',
       'legacy', 'hit_rate', 38.2, 50.4, interval '2 hours', null, false),
      ('warning', 'reliability', 'Operations of the cache fail',
       'Look at the newest errors: their type says what fails.',
       'new', 'error_rate', 2.1, 1.9, interval '40 minutes', null, true),
      ('warning', 'performance', 'The cache answers more slowly than usual',
       'Compare its size and the latency of its store with those of the days of the baseline.',
       'legacy', 'avg_response_time_ms', 14.2, 10.3, interval '9 hours', interval '8 hours', false)
    ) o (severity, category, title, recommendation, implementation, metric, value, normal, since, ended, acknowledged)
"""
_BASELINES: LiteralString = """
    select count(*) from public.compute_cache_baseline(null, 14, 10, now() - interval '12 hours');
    select count(*) from public.compute_cache_baseline(null, 14, 10);
"""


def remembering(postgres: Postgres, database: str) -> str:
    """A database of caches with a day, the same day a week before, baselines and observations; and of model calls."""
    dsn = postgres.migrated(database)
    with postgres.connect(database) as connection:
        connection.execute("select setseed(0.5)")
        for day in (1, 2):
            connection.execute("select monitoring.make_day('public.cache_metrics', current_date - %s)", (day,))
        connection.execute(_OPERATIONS)
        connection.execute("call monitoring.roll_up()")
        for statements in (_A_WEEK_BEFORE, _OBSERVED, _BASELINES):
            connection.execute(statements)
        kept_requests.keep(connection)
        kept_calls.keep(connection)
    return dsn
