begin;
select no_plan();

select has_table(s, t, s || '.' || t || ' is there') from (values
  ('monitoring', 'monitoring_events'), ('monitoring', 'metrics_raw'), ('monitoring', 'metrics_1min'),
  ('monitoring', 'metrics_1hour'), ('monitoring', 'errors'), ('monitoring', 'traces'), ('monitoring', 'spans'),
  ('monitoring', 'model_calls'), ('monitoring', 'received_batches'), ('public', 'cache_metrics'), ('public', 'cache_metrics_1min'),
  ('public', 'cache_metrics_1hour'), ('public', 'cache_baseline_metrics'), ('public', 'cache_auditor_observations')
) as wanted (s, t);

select is_partitioned(s::name, t::name, s || '.' || t || ' comes by the day') from (values
  ('monitoring', 'monitoring_events'), ('monitoring', 'metrics_raw'), ('public', 'cache_metrics'),
  ('monitoring', 'errors'), ('monitoring', 'traces'), ('monitoring', 'spans'), ('monitoring', 'model_calls')
) as wanted (s, t);

select columns_are('monitoring', 'monitoring_events',
  array['id', 'event_type', 'timestamp', 'source', 'data', 'metadata', 'created_at', 'written_in']);
select col_type_is('monitoring', 'monitoring_events', 'id', 'uuid', 'ids of events are uuids');
select col_type_is('monitoring', 'metrics_raw', 'id', 'bigint', 'ids of metrics are numbers');
select col_type_is(s, t, 'written_in', 'xid8', s || '.' || t || ' can be tailed') from (values
  ('monitoring'::name, 'monitoring_events'::name), ('monitoring', 'metrics_raw'), ('public', 'cache_metrics')
) as wanted (s, t);
select has_column('monitoring', 'errors', 'traceback', 'an error keeps its traceback');
select has_index('monitoring', 'model_calls', 'model_calls_by_conversation', array['conversation', '"timestamp"'],
  'the calls of a conversation are found by an index');
select is((select count(*) from pg_matviews where schemaname in ('monitoring', 'public')), 0::bigint,
  'nothing is a materialized view');

insert into public.cache_baseline_metrics (implementation_type, baseline_period_start, baseline_period_end,
  baseline_hit_rate,
  baseline_avg_response_time_ms, baseline_p95_response_time_ms, baseline_error_rate, sample_size)
values ('one', now(), now(), 50, 1, 2, 0, 10);
prepare another_baseline as
  insert into public.cache_baseline_metrics (implementation_type, baseline_period_start, baseline_period_end,
  baseline_hit_rate,
    baseline_avg_response_time_ms, baseline_p95_response_time_ms, baseline_error_rate, sample_size, is_active)
  values ('one', now(), now(), 50, 1, 2, 0, 10, $1);
select throws_ok('execute another_baseline(true)', '23505', null, 'an implementation has one active baseline');
select lives_ok('execute another_baseline(false)', 'and any number of those before it');
select lives_ok('execute another_baseline(false)', 'any number, indeed');

prepare observe as
  insert into public.cache_auditor_observations (severity, category, title, description, subject, metric_name,
  started_at)
  values ('warning', 'anomaly', 'low', 'low', 'one', $1, $2);
select lives_ok($$execute observe('hit_rate', '2026-01-01 00:00+00')$$, 'an observation is opened');
select throws_ok($$execute observe('hit_rate', '2026-01-02 00:00+00')$$, '23505', null,
  'one of its subject and metric is open at a time');
select lives_ok($$execute observe('error_rate', '2026-01-02 00:00+00')$$, 'another metric is another matter');
update public.cache_auditor_observations set resolved_at = now();
select lives_ok($$execute observe('hit_rate', '2026-01-02 00:00+00')$$, 'once it is resolved the next may come');
select throws_ok($$execute observe('hit_rate', '2026-01-01 00:00+00')$$, '23505', null,
  'the same start is the same observation');

select * from finish();
rollback;
