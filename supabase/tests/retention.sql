begin;
select no_plan();

select results_eq('select relation, keep from monitoring.retention order by relation', $$values
  ('monitoring.errors', interval '30 days'), ('monitoring.metrics_1hour', '1 year'), ('monitoring.metrics_1min',
  '30 days'),
  ('monitoring.metrics_raw', '7 days'), ('monitoring.model_calls', '30 days'), ('monitoring.monitoring_events', '7 days'), ('monitoring.received_batches',
  '24 hours'),
  ('monitoring.spans', '30 days'), ('monitoring.traces', '30 days'), ('public.cache_metrics', '7 days'),
  ('public.cache_metrics_1hour', '1 year'), ('public.cache_metrics_1min',
  '30 days')$$, 'everything is kept as long as was said');

create function pg_temp.fill(age interval) returns void language sql as $$
  insert into public.cache_metrics (operation_type, implementation_type, timestamp) values ('hit', 'new', now() - age);
  insert into monitoring.metrics_raw (type, data, timestamp) values ('x', '{}', now() - age);
  insert into monitoring.monitoring_events (event_type, source, data, timestamp) values ('x', 'x', '{}', now() - age);
  insert into monitoring.errors (service, timestamp) values ('redis', now() - age);
  insert into monitoring.traces (trace_id, tool_name, status, started_at, ended_at) values ('t', 'chat', 'ok',
  now() - age, now() - age);
  insert into monitoring.spans (trace_id, position, layer, started_at, ended_at) values ('t', 0, 'tool', now() - age,
  now() - age);
  insert into monitoring.model_calls (provider, model, duration_ms, timestamp) values ('kimi', 'k2', 1, now() - age);
  insert into monitoring.metrics_1min (minute_window, type, subject, count, timed_count, success_count,
  error_count) values (now() - age, 'x', '', 1, 0, 1, 0);
  insert into monitoring.metrics_1hour (hour_window, type, subject, count, timed_count, success_count,
  error_count) values (now() - age, 'x', '', 1, 0, 1, 0);
  insert into public.cache_metrics_1min (minute_window, implementation_type) values (now() - age, 'new');
  insert into public.cache_metrics_1hour (hour_window, implementation_type) values (now() - age, 'new');
  insert into monitoring.received_batches (batch_id, body_sha256, reply, received_at) values (age::text, '', '{}',
  now() - age);
$$;
create temp view held as
  select 'raw' as kind, (select count(*) from public.cache_metrics) + (select count(*) from monitoring.metrics_raw)
    + (select count(*) from monitoring.monitoring_events) as rows
  union all select 'traced', (select count(*) from monitoring.errors) + (select count(*) from monitoring.traces) +
  (select count(*) from monitoring.spans) + (select count(*) from monitoring.model_calls)
  union all select 'minutes', (select count(*) from monitoring.metrics_1min) + (select count(*) from
  public.cache_metrics_1min)
  union all select 'hours', (select count(*) from monitoring.metrics_1hour) + (select count(*) from
  public.cache_metrics_1hour)
  union all select 'batches', (select count(*) from monitoring.received_batches);

select pg_temp.fill(age) from unnest(array['0 hours', '23 hours', '25 hours', '6 days', '8 days 1 hour', '29 days',
  '31 days 1 hour', '364 days', '367 days']::interval[]) age;
select monitoring.make_days();
select cmp_ok((select count(*) from pg_class where relname ~ '^cache_metrics_\d{8}$'), '>', 9::bigint,
  'there are days to drop');
create temp table dropped as select * from monitoring.drop_expired();
select set_eq('select * from held', $$values ('raw', 3 * 4::bigint), ('traced', 4 * 6), ('minutes', 2 * 6), ('hours',
  2 * 8), ('batches', 2)$$,
  'what is older is gone, and nothing else');

select is((select days_dropped from dropped where relation = 'public.cache_metrics'), 0,
  'late rows had no day of their own');
create temp table later as select * from monitoring.drop_expired(now() + interval '9 days');
select cmp_ok((select days_dropped from later where relation = 'public.cache_metrics'), '>', 1,
  'days are dropped whole');
select is((select rows from held where kind = 'raw'), 0::bigint, 'with their rows');
select is((select count(*) from pg_class where relname ~ '^cache_metrics_\d{8}$'
    and right(relname, 8)::date < (now() at time zone 'UTC')::date + 2), 0::bigint,
  'up to the seventh day before');

update monitoring.retention set keep = '3 hours' where relation = 'public.cache_metrics_1min';
insert into public.cache_metrics_1min (minute_window, implementation_type) values (now() - interval '4 hours',
  'kept shorter');
select monitoring.drop_expired();
select is((select count(*) from public.cache_metrics_1min where implementation_type = 'kept shorter'), 0::bigint,
  'an operator may keep less');

select * from finish();
rollback;
