"""What the boards ask Postgres about the semantic cache.

Every query is bounded by the board's time range, on the column that the table is partitioned or indexed by, or by
a number of rows. Percent and milliseconds become ratios and seconds here, as in the series. A week is 168 hours:
one of 7 days has 167 of them where clocks are changed. What is drawn over time is made of whole steps: a part of
one at either end would look like a change.
"""

from __future__ import annotations

from grafana.panels import SqlQuery

OPEN = SqlQuery("""
select count(*) filter (where severity = 'critical') as critical,
  count(*) filter (where severity = 'warning') as warning, count(*) filter (where severity = 'info') as info
from public.cache_auditor_observations
where resolved_at is null and implementation_type ~ '^${implementation:regex}$'
""")
UNSEEN = SqlQuery("""
select count(*) filter (where not acknowledged) as "not acknowledged",
  coalesce(extract(epoch from now() - min(started_at)), 0) as "oldest open"
from public.cache_auditor_observations
where resolved_at is null and implementation_type ~ '^${implementation:regex}$'
""")
BASELINE_AGE = SqlQuery("""
select count(*) as active, extract(epoch from now() - min(created_at)) as oldest
from public.cache_baseline_metrics
where is_active and implementation_type ~ '^${implementation:regex}$'
""")

OBSERVATIONS = SqlQuery("""
select state, severity, subject, metric_name, metric_value, baseline_value, deviation_percentage / 100 as deviation,
  started_at, resolved_at, title, recommendation
from (
  (
    select *, case when acknowledged then 'acknowledged' else 'open' end as state
    from public.cache_auditor_observations
    where resolved_at is null and implementation_type ~ '^${implementation:regex}$'
  ) union all (
    select *, 'resolved' from public.cache_auditor_observations
    where resolved_at is not null and $__timeFilter(timestamp) and implementation_type ~ '^${implementation:regex}$'
    order by timestamp desc limit 100
  )
) o
order by array_position(array['open', 'acknowledged', 'resolved'], state),
  case state when 'resolved' then 0 else array_position(array['critical', 'warning', 'info'], severity) end,
  started_at desc
limit 200
""")

BASELINES = SqlQuery("""
select implementation_type, case when is_active then 'active' else 'earlier' end as state,
  created_at, baseline_period_start, baseline_period_end,
  baseline_hit_rate / 100 as hit_ratio, hit_rate_stddev / 100 as hit_ratio_stddev,
  baseline_avg_response_time_ms / 1000 as mean, baseline_p95_response_time_ms / 1000 as p95,
  response_time_stddev / 1000 as response_stddev, baseline_error_rate / 100 as error_ratio, sample_size
from public.cache_baseline_metrics
where implementation_type ~ '^${implementation:regex}$'
order by is_active desc, created_at desc, implementation_type
limit 50
""")

HOURS = SqlQuery("""
select h.hour_window, h.implementation_type, h.total_operations,
  h.total_operations::float8 / nullif(w.total_operations, 0) - 1 as operations_change,
  h.hit_rate / 100 as hit_ratio, h.hit_rate / nullif(w.hit_rate, 0) - 1 as hit_ratio_change,
  h.p50_response_time_ms / 1000 as p50, h.p95_response_time_ms / 1000 as p95, h.p99_response_time_ms / 1000 as p99,
  h.p95_response_time_ms / nullif(w.p95_response_time_ms, 0) - 1 as p95_change,
  h.errors::float8 / nullif(h.total_operations, 0) as error_ratio
from public.cache_metrics_1hour h
left join public.cache_metrics_1hour w
  on w.hour_window = h.hour_window - interval '168 hours' and w.implementation_type = h.implementation_type
where h.hour_window > least($__timeFrom()::timestamptz, $__timeTo()::timestamptz - interval '24 hours')
  and h.hour_window <= $__timeTo()::timestamptz
  and h.implementation_type ~ '^${implementation:regex}$'
order by h.hour_window desc, h.implementation_type
limit 500
""")


def _beside_last_week(value: str) -> SqlQuery:
    return SqlQuery(
        f"""
select b.time, m.implementation_type || w.when_it_was as metric,
  {value} as value
from (values (interval '0', ''), ('168 hours', ' a week ago')) w (since, when_it_was)
cross join (
  select greatest(interval '1 minute', ($__timeTo()::timestamptz - $__timeFrom()::timestamptz) / 100) as step
) s
join public.cache_metrics_1min m
  on m.minute_window >= $__timeFrom()::timestamptz - w.since and m.minute_window < $__timeTo()::timestamptz - w.since
cross join lateral (select date_bin(s.step, m.minute_window + w.since, '2000-01-01 00:00+00') as time) b
where b.time >= $__timeFrom()::timestamptz and b.time + s.step <= $__timeTo()::timestamptz
  and m.implementation_type ~ '^${{implementation:regex}}$'
group by b.time, metric
order by b.time, metric
""",  # noqa: S608 - `value` is one of the two below
        over_time=True,
    )


HIT_RATIO = _beside_last_week("sum(m.hits)::float8 / nullif(sum(m.hits + m.misses), 0)")
P95 = _beside_last_week("max(m.p95_response_time_ms) / 1000")

ERRORS = SqlQuery("""
select timestamp, implementation_type, error_type, error_message, response_time_ms / 1000 as response
from public.cache_metrics
where operation_type = 'error' and $__timeFilter(timestamp) and implementation_type ~ '^${implementation:regex}$'
order by timestamp desc
limit 100
""")
