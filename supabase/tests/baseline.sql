begin;
select no_plan();

-- Two weeks of hours: 70 and 90 percent hits by turns, times from 1 to 100 ms.
insert into public.cache_metrics (operation_type, implementation_type, response_time_ms, timestamp)
select case when i <= 20 * (h % 2) + 70 then 'hit' when i <= 99 then 'miss' else 'error' end, 'new', i,
  date_trunc('hour', now(), 'UTC') - h * interval '1 hour' + i * interval '1 second'
from generate_series(1, 24 * 14) h, generate_series(1, 100) i;
insert into public.cache_metrics (operation_type, implementation_type, response_time_ms, timestamp)
select 'hit', 'rare', 1, now() - interval '2 hours' from generate_series(1, 999);
select monitoring.write_cache_hours(array(select date_trunc('hour', now(),
  'UTC') - h * interval '1 hour' from generate_series(0, 24 * 14 + 1) h));

create temp table computed as select * from public.compute_cache_baseline();
select results_eq('select implementation_type, sample_size, is_active from computed',
  $$values ('new'::text, 33600::bigint, true)$$, 'too few samples make no baseline');
select is((select baseline_error_rate from computed), 1.0000, 'one of a hundred is an error');
select is((select round(baseline_hit_rate, 2) from computed), 80.81, '80 of 99 lookups are hits');
select cmp_ok((select abs(hit_rate_stddev - 10.11) from computed), '<', 0.05,
  'hours lie about ten percent apart from that');
select is((select round(baseline_avg_response_time_ms::numeric, 6) from computed), 50.5, 'the mean is exact');
select is((select round(response_time_stddev::numeric, 4) from computed), 28.8661, 'so is the deviation');
select cmp_ok((select abs(baseline_p95_response_time_ms - 95) from computed), '<=', 95 * 0.005::double precision,
  'the percentile is within half a percent');
select is((select baseline_period_end - baseline_period_start from computed), interval '14 days', 'of fourteen days');
select is((select baseline_period_end from computed), date_trunc('hour', now(), 'UTC'), 'of whole hours');

select is((select count(*) from public.compute_cache_baseline('new', 7)), 1::bigint, 'it is computed again');
select is((select sum(sample_size) from public.cache_baseline_metrics where is_active), 16800::numeric,
  'and takes over');
select is((select count(*) from public.cache_baseline_metrics), 2::bigint, 'the one before is kept');
select is((select count(*) from public.compute_cache_baseline(p_minimum_samples => 100000)), 0::bigint,
  'a higher minimum changes nothing');
select is((select count(*) from public.cache_baseline_metrics where is_active), 1::bigint, 'and takes nothing away');
select is((select count(*) from public.compute_cache_baseline('rare', p_minimum_samples => 999)), 1::bigint,
  'the minimum is enough');

select * from finish();
rollback;
