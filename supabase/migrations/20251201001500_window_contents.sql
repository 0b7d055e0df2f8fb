-- What a minute or an hour comes to, computed from its raw rows.
create or replace function monitoring.response_bucket(p_response_time_ms double precision) returns integer
language sql immutable parallel safe set search_path = '' as $$
  select ceil(ln(greatest(p_response_time_ms, 0.001)) / ln(1.01))::integer;
$$;
comment on function monitoring.response_bucket is
  'Bucket b holds the times in (1.01^(b-1), 1.01^b] ms; the lowest holds all up to 1 µs';

create or replace function monitoring.bucket_response_ms(p_bucket integer) returns double precision
language sql immutable parallel safe set search_path = '' as $$
  select 2 * 1.01::double precision ^ p_bucket / 2.01;
$$;
comment on function monitoring.bucket_response_ms is
  'The time that is within half a percent of every time of the bucket';

create or replace function monitoring.cache_buckets(
  p_implementation_type text, p_from timestamptz, p_until timestamptz
) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_object_agg(b.bucket, b.operations), '{}')
  from (
    select monitoring.response_bucket(m.response_time_ms) as bucket, count(*) as operations
    from public.cache_metrics m
    where m.timestamp >= p_from and m.timestamp < p_until and m.implementation_type = p_implementation_type
      and m.response_time_ms is not null
    group by 1
  ) b;
$$;

-- A gateway's own takes integers; beside ours, a call would be ambiguous.
select monitoring.forget_functions('calculate_hit_rate');
create function public.calculate_hit_rate(hits bigint, misses bigint) returns numeric
language sql immutable parallel safe set search_path = '' as $$
  select round(100.0 * hits / nullif(hits + misses, 0), 2);
$$;
comment on function public.calculate_hit_rate is
  'Percent of hits and misses that were hits, 0 to 100; null without either: no traffic is no failure';

create or replace function monitoring.cache_windows(p_length interval, p_starts timestamptz[])
returns table (
  starts timestamptz, implementation_type text, total_operations bigint,
  hits bigint, misses bigint, sets bigint, evictions bigint, errors bigint, timed_operations bigint,
  avg_response_time_ms double precision, stddev_response_time_ms double precision, percentiles double precision[],
  max_response_time_ms double precision, avg_cache_size double precision, max_cache_size bigint
)
language sql stable set search_path = '' as $$
  select s.starts, m.implementation_type, count(*),
    count(*) filter (where m.operation_type = 'hit'), count(*) filter (where m.operation_type = 'miss'),
    count(*) filter (where m.operation_type = 'set'), count(*) filter (where m.operation_type = 'evict'),
    count(*) filter (where m.operation_type = 'error'), count(m.response_time_ms),
    avg(m.response_time_ms), stddev_pop(m.response_time_ms),
    percentile_disc(array[0.5, 0.95, 0.99]) within group (order by m.response_time_ms),
    max(m.response_time_ms), avg(m.cache_size)::double precision, max(m.cache_size)
  from unnest(p_starts) as s (starts)
  join public.cache_metrics m on m.timestamp >= s.starts and m.timestamp < s.starts + p_length
  group by s.starts, m.implementation_type;
$$;

create or replace function monitoring.metric_windows(p_length interval, p_starts timestamptz[])
returns table (
  starts timestamptz, type text, subject text, count bigint, timed_count bigint,
  avg_response_time_ms double precision, min_response_time_ms double precision, max_response_time_ms double precision,
  percentiles double precision[], success_count bigint, error_count bigint
)
language sql stable set search_path = '' as $$
  select s.starts, m.type, m.subject, count(*), count(m.response_time_ms),
    avg(m.response_time_ms), min(m.response_time_ms), max(m.response_time_ms),
    percentile_disc(array[0.5, 0.95, 0.99]) within group (order by m.response_time_ms),
    count(*) filter (where not m.failed), count(*) filter (where m.failed)
  from unnest(p_starts) as s (starts)
  join monitoring.metrics_raw m on m.timestamp >= s.starts and m.timestamp < s.starts + p_length
  group by s.starts, m.type, m.subject;
$$;

select monitoring.allow('public.calculate_hit_rate(bigint, bigint)', 'authenticated', 'service_role');
select monitoring.allow(f, 'service_role') from unnest(array[
  'monitoring.response_bucket(double precision)', 'monitoring.bucket_response_ms(integer)',
  'monitoring.cache_buckets(text, timestamptz, timestamptz)', 'monitoring.cache_windows(interval, timestamptz[])',
  'monitoring.metric_windows(interval, timestamptz[])']::regprocedure[]) f;
