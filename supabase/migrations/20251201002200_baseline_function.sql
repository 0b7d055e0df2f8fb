-- Computes what is normal for each cache from its whole hours, and makes it the active baseline.
create or replace function monitoring.hours_percentile(
  p_implementation_type text, p_since timestamptz, p_until timestamptz, p_share double precision
) returns double precision
language sql stable set search_path = '' as $$
  select monitoring.bucket_response_ms(b.bucket) from (
    select e.key::integer as bucket, sum(sum(e.value::bigint)) over (order by e.key::integer) as up_to,
      sum(sum(e.value::bigint)) over () as total
    from public.cache_metrics_1hour h, jsonb_each_text(h.response_time_buckets) e
    where h.implementation_type = p_implementation_type and h.hour_window >= p_since and h.hour_window < p_until
    group by e.key::integer
  ) b where b.up_to >= p_share * b.total order by b.bucket limit 1;
$$;
comment on function monitoring.hours_percentile is
  'The percentile (ms) of all operations of those hours, within half a percent';

create or replace function public.compute_cache_baseline(
  p_implementation_type text default null, p_days integer default 14,
  p_minimum_samples bigint default 1000, p_until timestamptz default now()
) returns setof public.cache_baseline_metrics
language plpgsql set search_path = '' as $$
declare
  until timestamptz := date_bin('1 hour', p_until, '2000-01-01 00:00+00');
  since timestamptz := until - make_interval(days => p_days);
  normal record;
begin
  lock table public.cache_baseline_metrics in share row exclusive mode;
  for normal in
    select h.implementation_type, sum(h.total_operations)::bigint as operations,
      100.0 * sum(h.hits) / sum(h.hits + h.misses) as hit_rate,
      100.0 * sum(h.errors) / sum(h.total_operations) as error_rate,
      stddev_samp(h.hit_rate) as hit_rate_stddev,
      sum(h.avg_response_time_ms * h.timed_operations) / sum(h.timed_operations) as mean_ms,
      sum(h.timed_operations * (h.stddev_response_time_ms ^ 2 + h.avg_response_time_ms ^ 2))
        / sum(h.timed_operations) as mean_square
    from public.cache_metrics_1hour h
    where h.hour_window >= since and h.hour_window < until and h.response_time_buckets is not null
      and (p_implementation_type is null or h.implementation_type = p_implementation_type)
    group by h.implementation_type
    having sum(h.total_operations) >= p_minimum_samples and sum(h.hits + h.misses) > 0 and sum(h.timed_operations) > 0
  loop
    update public.cache_baseline_metrics b set is_active = false
      where b.implementation_type = normal.implementation_type and b.is_active;
    return query
      insert into public.cache_baseline_metrics (
        implementation_type, baseline_period_start, baseline_period_end, baseline_hit_rate,
        baseline_avg_response_time_ms,
        baseline_p95_response_time_ms, baseline_error_rate, hit_rate_stddev, response_time_stddev, sample_size)
      values (
        normal.implementation_type, since, until, round(normal.hit_rate, 4), normal.mean_ms,
        monitoring.hours_percentile(normal.implementation_type, since, until, 0.95), round(normal.error_rate, 4),
        round(normal.hit_rate_stddev, 4), sqrt(greatest(0, normal.mean_square - normal.mean_ms ^ 2)), normal.operations)
      returning *;
  end loop;
end;
$$;
comment on function public.compute_cache_baseline is
  'Of the whole hours of p_days days: rates in percent, times in ms; '
  'hit_rate_stddev is that of the hours, response_time_stddev that of '
  'the operations. An implementation with fewer than p_minimum_samples operations keeps the baseline it has';

select monitoring.allow('public.compute_cache_baseline(text, integer, bigint, timestamptz)', 'service_role');
select monitoring.allow(
  'monitoring.hours_percentile(text, timestamptz, timestamptz, double precision)', 'service_role');
