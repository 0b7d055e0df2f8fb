-- What dashboards ask for. Whole minutes come from the minute tables; the ends of the range, and what is
-- too new to be rolled up for good, come from the raw rows.
select monitoring.forget_functions('get_cache_metrics_summary', 'get_connection_metrics_summary',
  'get_performance_metrics_summary', 'get_websocket_metrics_summary', 'get_cache_performance_summary');

create or replace function monitoring.time_range(p_name text) returns interval
language plpgsql immutable set search_path = '' as $$
begin
  return case p_name when '1hour' then interval '1 hour' when '24hours' then '24 hours' when '7days' then '7 days' end;
end;
$$;

create or replace function monitoring.range_ends(
  p_source text, p_range interval, out since timestamptz, out first_minute timestamptz, out raw_from timestamptz
)
language plpgsql stable set search_path = '' as $$
begin
  if p_range is null or p_range <= interval '0' then
    raise exception 'the range is not known'
      using errcode = 'invalid_parameter_value', hint = '1hour, 24hours or 7days';
  end if;
  since := now() - p_range;
  first_minute := date_bin('1 minute', since + interval '1 minute' - interval '1 microsecond', '2000-01-01 00:00+00');
  -- Rows are some minutes late at times, and transactions open: those minutes are read from the rows themselves.
  raw_from := greatest(first_minute, (
    select date_bin('1 minute', r.rolled_at - interval '5 minutes', '2000-01-01 00:00+00')
    from monitoring.roll_ups r where r.source = p_source and r.rolled_at > '-infinity'));
end;
$$;
comment on function monitoring.range_ends is
  'A range up to now: [since, first_minute) and [raw_from, now] are read from raw rows, what is between from minutes';

create or replace function monitoring.cache_totals(p_implementation_type text, p_range interval)
returns table (
  implementation_type text, operations bigint, hits bigint, misses bigint, errors bigint, timed bigint,
  total_ms double precision
)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
declare
  ends record := monitoring.range_ends('public.cache_metrics', p_range);
begin
  return query
    with parts as (
      select w.implementation_type, w.total_operations, w.hits, w.misses, w.errors, w.timed_operations,
        w.avg_response_time_ms * w.timed_operations as total_ms
      from public.cache_metrics_1min w
      where w.minute_window >= ends.first_minute and w.minute_window < ends.raw_from
      union all
      select m.implementation_type, 1, (m.operation_type = 'hit')::integer, (m.operation_type = 'miss')::integer,
        (m.operation_type = 'error')::integer, (m.response_time_ms is not null)::integer, m.response_time_ms
      from public.cache_metrics m where m.timestamp >= ends.since and m.timestamp < ends.first_minute
      union all
      select m.implementation_type, 1, (m.operation_type = 'hit')::integer, (m.operation_type = 'miss')::integer,
        (m.operation_type = 'error')::integer, (m.response_time_ms is not null)::integer, m.response_time_ms
      from public.cache_metrics m where m.timestamp >= ends.raw_from and m.timestamp <= now()
    )
    select p.implementation_type, sum(p.total_operations)::bigint, sum(p.hits)::bigint, sum(p.misses)::bigint,
      sum(p.errors)::bigint, sum(p.timed_operations)::bigint, sum(p.total_ms)
    from parts p where p_implementation_type is null or p.implementation_type = p_implementation_type
    group by p.implementation_type;
end;
$$;

create or replace function monitoring.metric_totals(p_types text[], p_range interval)
returns table (type text, subject text, count bigint, errors bigint, timed bigint, total_ms double precision)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
declare
  ends record := monitoring.range_ends('monitoring.metrics_raw', p_range);
begin
  return query
    with parts as (
      select w.type, w.subject, w.count, w.error_count, w.timed_count,
        w.avg_response_time_ms * w.timed_count as total_ms
      from monitoring.metrics_1min w
      where w.type = any (p_types) and w.minute_window >= ends.first_minute and w.minute_window < ends.raw_from
      union all
      select m.type, m.subject, 1, m.failed::integer, (m.response_time_ms is not null)::integer, m.response_time_ms
      from monitoring.metrics_raw m
      where m.type = any (p_types) and m.timestamp >= ends.since and m.timestamp < ends.first_minute
      union all
      select m.type, m.subject, 1, m.failed::integer, (m.response_time_ms is not null)::integer, m.response_time_ms
      from monitoring.metrics_raw m
      where m.type = any (p_types) and m.timestamp >= ends.raw_from and m.timestamp <= now()
    )
    select p.type, p.subject, sum(p.count)::bigint, sum(p.error_count)::bigint,
      sum(p.timed_count)::bigint, sum(p.total_ms)
    from parts p group by p.type, p.subject;
end;
$$;

create function public.get_cache_performance_summary(
  p_implementation_type text default null, p_time_window interval default '1 hour'
)
returns table (
  implementation_type text, total_operations bigint, hit_rate numeric, avg_response_time_ms numeric, error_count bigint
)
language sql stable set search_path = '' as $$
  select t.implementation_type, t.operations, public.calculate_hit_rate(t.hits, t.misses),
    round((t.total_ms / nullif(t.timed, 0))::numeric, 2), t.errors
  from monitoring.cache_totals(p_implementation_type, p_time_window) t order by t.implementation_type;
$$;

create function monitoring.get_cache_metrics_summary(time_range text default '1hour')
returns table (implementation_type text, hit_rate numeric, total_operations bigint, avg_response_time_ms numeric)
language sql stable set search_path = '' as $$
  select t.subject, public.calculate_hit_rate(
      coalesce(sum(t.count) filter (where t.type = 'cache_hit'), 0)::bigint,
      coalesce(sum(t.count) filter (where t.type = 'cache_miss'), 0)::bigint),
    sum(t.count)::bigint, round((sum(t.total_ms) / nullif(sum(t.timed), 0)::double precision)::numeric, 2)
  from monitoring.metric_totals(array['cache_hit', 'cache_miss'], monitoring.time_range(time_range)) t
  group by t.subject order by t.subject;
$$;

create function monitoring.get_connection_metrics_summary(time_range text default '1hour')
returns table (service text, total_events bigint, success_count bigint, error_count bigint, success_rate numeric)
language sql stable set search_path = '' as $$
  select t.subject, t.count, t.count - t.errors, t.errors, round(100.0 * (t.count - t.errors) / nullif(t.count, 0), 2)
  from monitoring.metric_totals(array['connection_event'], monitoring.time_range(time_range)) t order by t.subject;
$$;

create function monitoring.get_performance_metrics_summary(time_range text default '1hour')
returns table (
  operation text, total_operations bigint, avg_duration_ms numeric, p95_duration_ms numeric, success_rate numeric
)
language sql stable set search_path = '' as $$
  select m.subject, count(*), round(avg(m.response_time_ms)::numeric, 2),
    (percentile_disc(0.95) within group (order by m.response_time_ms))::numeric,
    round(100.0 * count(*) filter (where not m.failed) / count(*), 2)
  from monitoring.metrics_raw m, monitoring.range_ends('monitoring.metrics_raw', monitoring.time_range(time_range)) r
  where m.type = 'performance' and m.timestamp >= now() - monitoring.time_range(time_range) and m.timestamp <= now()
  group by m.subject order by m.subject;
$$;

create function monitoring.get_websocket_metrics_summary(time_range text default '1hour')
returns table (avg_active_connections numeric, total_messages bigint, error_count bigint, error_rate numeric)
language sql stable set search_path = '' as $$
  select round(avg(w.active), 2), sum(w.messages)::bigint, sum(w.errors)::bigint,
    round(100 * sum(w.errors) / nullif(sum(w.messages), 0), 2)
  from (
    select case jsonb_typeof(m.data -> 'active_connections')
             when 'number' then (m.data -> 'active_connections')::numeric end as active,
      case jsonb_typeof(m.data -> 'total_messages')
             when 'number' then (m.data -> 'total_messages')::numeric end as messages,
      case jsonb_typeof(m.data -> 'error_count') when 'number' then (m.data -> 'error_count')::numeric end as errors
    from monitoring.metrics_raw m, monitoring.range_ends('monitoring.metrics_raw', monitoring.time_range(time_range)) r
    where m.type = 'websocket_health'
      and m.timestamp >= now() - monitoring.time_range(time_range) and m.timestamp <= now()
  ) w;
$$;

create function public.get_cache_metrics_summary(time_range text default '1hour')
returns table (implementation_type text, hit_rate numeric, total_operations bigint, avg_response_time_ms numeric)
language sql stable set search_path = '' as $$ select * from monitoring.get_cache_metrics_summary(time_range) $$;

create function public.get_connection_metrics_summary(time_range text default '1hour')
returns table (service text, total_events bigint, success_count bigint, error_count bigint, success_rate numeric)
language sql stable set search_path = '' as $$ select * from monitoring.get_connection_metrics_summary(time_range) $$;

create function public.get_performance_metrics_summary(time_range text default '1hour')
returns table (
  operation text, total_operations bigint, avg_duration_ms numeric, p95_duration_ms numeric, success_rate numeric
)
language sql stable set search_path = '' as $$ select * from monitoring.get_performance_metrics_summary(time_range) $$;

create function public.get_websocket_metrics_summary(time_range text default '1hour')
returns table (avg_active_connections numeric, total_messages bigint, error_count bigint, error_rate numeric)
language sql stable set search_path = '' as $$ select * from monitoring.get_websocket_metrics_summary(time_range) $$;

select monitoring.allow(p.oid::regprocedure, 'service_role', 'authenticated') from pg_proc p
where p.pronamespace in ('monitoring'::regnamespace, 'public'::regnamespace) and p.proname = any (array[
  'time_range', 'range_ends', 'cache_totals', 'metric_totals', 'get_cache_metrics_summary',
  'get_connection_metrics_summary',
  'get_performance_metrics_summary', 'get_websocket_metrics_summary', 'get_cache_performance_summary']);
