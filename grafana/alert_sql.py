"""What the boards ask Postgres about alerts: which there were, who answered them, and how soon.

Alerts are rare, so that what is said of their noise and of reactions is of the 30 days before the end of the board's
time range. An observation that is no alert's, such as one of a cache's collector, is of the service `all`.
"""

from __future__ import annotations

from grafana.panels import SqlQuery

_KIND = """
  severity ~ '^${severity:regex}$' and category ~ '^${category:regex}$'
    and coalesce(metadata #>> '{labels,service}', 'all') ~ '^${service:regex}$'
"""
_MONTH = """
  timestamp between $__timeTo()::timestamptz - interval '30 days' and $__timeTo()::timestamptz and <kind>
"""
_TOOK = "extract(epoch from <end> - started_at)"


def _query(sql: str, *, over_time: bool = False) -> SqlQuery:
    parts = {
        "<month>": _MONTH,
        "<kind>": _KIND,
        "<lasted>": _TOOK.replace("<end>", "resolved_at"),
        "<waited>": _TOOK.replace("<end>", "acknowledged_at"),
    }
    for name, part in parts.items():
        sql = sql.replace(name, part.strip())
    return SqlQuery(sql, over_time)


OPEN = _query("""
select count(*) filter (where severity = 'critical') as critical,
  count(*) filter (where severity = 'warning') as warning, count(*) filter (where severity = 'info') as info
from public.cache_auditor_observations
where resolved_at is null and <kind>
""")

UNSEEN = _query("""
select count(*) as "not acknowledged", coalesce(extract(epoch from now() - min(started_at)), 0) as oldest
from public.cache_auditor_observations
where resolved_at is null and not acknowledged and <kind>
""")

SEEN = _query("""
select count(*) as alerts, avg(acknowledged::int) as acknowledged
from public.cache_auditor_observations
where <month>
""")


def _quantiles(took: str) -> SqlQuery:
    return _query(f"""
select percentile_cont(0.5) within group (order by {took}) as "half within",
  percentile_cont(0.95) within group (order by {took}) as "95 % within", count({took}) as alerts
from public.cache_auditor_observations
where <month>
""")  # noqa: S608 - one of the two below


TO_ACKNOWLEDGE, TO_RESOLVE = _quantiles("<waited>"), _quantiles("<lasted>")

BEGAN = _query(
    """
select b.time, s.severity as metric, count(o.id)::float8 as value
from (
  select greatest(interval '1 minute', ($__timeTo()::timestamptz - $__timeFrom()::timestamptz) / 48) as step
) w
cross join lateral generate_series(
  date_bin(w.step, $__timeFrom()::timestamptz + w.step, '2000-01-01 00:00+00'), $__timeTo()::timestamptz, w.step
) b (time)
cross join (values ('critical'), ('warning'), ('info')) s (severity)
left join (
  select * from public.cache_auditor_observations where $__timeFilter(timestamp) and <kind>
) o on o.severity = s.severity and o.timestamp >= b.time and o.timestamp < b.time + w.step
group by b.time, metric
order by b.time, metric
""",
    over_time=True,
)

HISTORY = _query("""
select state, severity, metric_name, title, service, started_at, lasted, acknowledged_by, waited, acknowledged_note,
  recommendation
from (
  (
    select *, case when acknowledged then 'acknowledged' else 'open' end as state
    from public.cache_auditor_observations
    where resolved_at is null and <kind>
  ) union all (
    select *, 'resolved' from public.cache_auditor_observations
    where resolved_at is not null and <month>
    order by timestamp desc
    limit 200
  )
) o
cross join lateral (
  select coalesce(metadata #>> '{labels,service}', 'all') as service,
    extract(epoch from coalesce(resolved_at, now()) - started_at) as lasted, <waited> as waited
) more
order by array_position(array['open', 'acknowledged', 'resolved'], state),
  case state when 'resolved' then 0 else array_position(array['critical', 'warning', 'info'], severity) end,
  started_at desc
limit 400
""")

NOISE = _query("""
select metric_name, max(array_position(array['info', 'warning', 'critical'], severity)) as worst,
  count(*) filter (where $__timeFilter(timestamp)) as in_range, count(*) as began,
  count(*) / greatest(1, extract(epoch from $__timeTo()::timestamptz - f.since) / 86400) as a_day,
  sum(extract(epoch from coalesce(resolved_at, now()) - started_at)) as lasted,
  percentile_cont(0.5) within group (order by <lasted>) as half_over,
  avg(acknowledged::int) as acknowledged, percentile_cont(0.5) within group (order by <waited>) as half_seen,
  max(started_at) as last
from public.cache_auditor_observations
cross join (
  select greatest(min(timestamp), $__timeTo()::timestamptz - interval '30 days') as since
  from public.cache_auditor_observations
) f
where <month>
group by metric_name, f.since
order by began desc, metric_name
limit 100
""")
