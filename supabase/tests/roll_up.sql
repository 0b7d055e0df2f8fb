-- Not in a transaction: what is rolled up has been committed.
\set QUIET on
select no_plan();

insert into public.cache_metrics (event_id, operation_type, implementation_type, response_time_ms, cache_size,
  timestamp)
select i::text, (array['hit', 'hit', 'miss', 'set', 'evict', 'error'])[i % 6 + 1], (array['new', 'legacy',
  'third'])[i % 3 + 1],
  case when i % 7 > 0 then (i * 7919 % 10007) / 10.0 end, i, date_trunc('hour', now(),
  'UTC') - interval '3 hours' + i * interval '1 second'
from generate_series(1, 9000) i;
insert into monitoring.metrics_raw (type, data, timestamp)
select 'performance', jsonb_build_object('operation', 'chat', 'duration_ms', i * 7919 % 10007, 'success', i % 10 > 0),
  date_trunc('hour', now(), 'UTC') - interval '3 hours' + i * interval '1 second' from generate_series(1, 9000) i;
call monitoring.maintain();

create temp view truth as
select date_trunc('minute', timestamp) as minute_window, implementation_type, count(*) as total_operations,
  count(*) filter (where operation_type = 'hit') as hits, count(*) filter (where operation_type = 'error') as errors,
  avg(response_time_ms) as mean, percentile_disc(0.5) within group (order by response_time_ms) as p50,
  percentile_disc(0.95) within group (order by response_time_ms) as p95,
  percentile_disc(0.99) within group (order by response_time_ms) as p99
from public.cache_metrics group by 1, 2;
select set_eq(
  $$select minute_window, implementation_type, total_operations, hits, errors, round(avg_response_time_ms::numeric, 6),
      p50_response_time_ms, p95_response_time_ms, p99_response_time_ms from public.cache_metrics_1min$$,
  $$select minute_window, implementation_type, total_operations, hits, errors, round(mean::numeric, 6),
      p50, p95, p99 from truth$$,
  'minutes are exact');
select set_eq($$select hour_window, implementation_type, total_operations, p50_response_time_ms,
  p95_response_time_ms, p99_response_time_ms from public.cache_metrics_1hour$$,
  $$select date_trunc('hour', timestamp, 'UTC'), implementation_type, count(*), percentile_disc(0.5) within group
  (order by response_time_ms) as p50,
    percentile_disc(0.95) within group (order by response_time_ms) as p95,
    percentile_disc(0.99) within group (order by response_time_ms) as p99
    from public.cache_metrics group by 1, 2$$, 'the percentiles of hours are those of their rows');
select isnt_empty($$select from public.cache_metrics_1hour h join public.cache_metrics_1min m
    on m.minute_window >= h.hour_window and m.minute_window < h.hour_window + interval '1 hour' and
    m.implementation_type = h.implementation_type
  group by h.id, h.p95_response_time_ms having abs(avg(m.p95_response_time_ms) - h.p95_response_time_ms) > 1$$,
  'which the means of minutes are not');
select set_eq('select minute_window, count, error_count, p95_response_time_ms from monitoring.metrics_1min',
  $$select date_trunc('minute', timestamp), count(*), count(*) filter (where data ->> 'success' = 'false') as errors,
    percentile_disc(0.95) within group (order by response_time_ms) from monitoring.metrics_raw group by 1$$,
    'the same of metrics');
select is((select sum(count) from monitoring.metrics_1hour), 9000::numeric, 'hours lose nothing');
select results_eq($$select implementation_type, total_operations, error_count from
  public.get_cache_performance_summary(p_time_window => '5 hours')$$,
  $$select implementation_type, count(*), count(*) filter (where operation_type = 'error') from public.cache_metrics
  group by 1 order by 1$$,
  'a summary of minutes is that of the rows');

insert into public.cache_metrics (operation_type, implementation_type, response_time_ms, timestamp)
values ('hit', 'new', 5000, date_trunc('hour', now(), 'UTC') - interval '2 hours 50 minutes'), ('hit', 'new', 1,
  now() - interval '20 days'), ('hit', 'fresh', 1, now());
call monitoring.roll_up();
select is((select max(max_response_time_ms) from public.cache_metrics_1min), 5000::double precision,
  'a late row changes its minute');
select is((select max(max_response_time_ms) from public.cache_metrics_1hour), 5000::double precision, 'and its hour');
select is((select count(*) from public.cache_metrics_1min where minute_window < now() - interval '10 days'),
  0::bigint, 'unless the rows beside it may be gone');
select is((select count(*) from public.cache_metrics_1hour where implementation_type = 'fresh'), 0::bigint,
  'an hour is written once it has ended');
call monitoring.roll_up(now() + interval '1 hour');
select is((select count(*) from public.cache_metrics_1hour where implementation_type = 'fresh'), 1::bigint,
  'and then it is');

create temp table hours as select * from public.cache_metrics_1hour;
call monitoring.maintain(now() + interval '9 days');
select is((select count(*) from public.cache_metrics), 0::bigint, 'the rows are dropped');
select set_eq('select * from public.cache_metrics_1hour', 'select * from hours', 'and the hours stay as they were');

select * from finish();
