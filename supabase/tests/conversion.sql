-- In a database that had a gateway's plain tables, with copies of their rows in the schema `before`.
begin;
select to_regnamespace('before') is not null as converted \gset
\if :converted
select no_plan();
select set_eq('select id, event_type, timestamp, source, data, metadata from monitoring.monitoring_events',
  'select id, event_type::text, timestamp, source::text, data, metadata from before.monitoring_events',
  'events are all there');
select is((select count(*) from monitoring.monitoring_events e join before.monitoring_events b using (id) where
  e.created_at = b.created_at), 150::bigint,
  'with the times that they had');
select set_eq('select id, type, data, timestamp, created_at from monitoring.metrics_raw', 'table before.metrics_raw',
  'metrics are all there');
select set_eq(
  $$select id, cache_key, operation_type, implementation_type, response_time_ms, timestamp
    from public.cache_metrics$$,
  $$select id, cache_key, operation_type, implementation_type, response_time_ms::double precision, timestamp
    from before.cache_metrics$$,
  'operations are all there');
select cmp_ok((select count(distinct tableoid) from monitoring.metrics_raw), '>=', 8::bigint, 'each in its day');
select is((select count(*) from monitoring_days.metrics_raw_default where timestamp >=
  monitoring.kept_since('monitoring.metrics_raw')), 0::bigint, 'as far as days are kept');
insert into monitoring.metrics_raw (type, data) values ('new', '{}');
select is((select id from monitoring.metrics_raw where type = 'new'), 301::bigint, 'ids go on where they were');
delete from monitoring.metrics_raw where type = 'new';

select is((select sum(total_operations) from public.cache_metrics_1min where minute_window > now() - interval
  '20 days'), 300::numeric, 'minutes are computed, older than rows are kept');
select cmp_ok((select sum(total_operations) from public.cache_metrics_1hour), '>=', 299::numeric, 'and hours');
select is((select timed_operations from public.cache_metrics_1min where minute_window < now() - interval '20 days'),
  10::bigint, 'minutes of before stay');
select is((select sum(count) from monitoring.metrics_1min), 299::numeric, 'metrics are rolled up too');

select set_eq('select id, baseline_hit_rate, sample_size from public.cache_baseline_metrics',
  'select id, baseline_hit_rate, sample_size::bigint from before.cache_baseline_metrics', 'baselines are all there');
select is((select array_agg(baseline_hit_rate) from public.cache_baseline_metrics where is_active), array[71.00],
  'the newest is active');
select set_eq('select id, severity, title from public.cache_auditor_observations',
  'select id, severity, title from before.cache_auditor_observations', 'observations are all there');
select results_eq(
  $$select subject, metric_name, resolved_at is null from public.cache_auditor_observations order by started_at$$,
  $$values ('new', 'hit_rate', false), ('new', 'hit_rate', false), ('new', 'hit_rate', true), ('unknown', 'full',
  true)$$, 'the last of its kind is open');
select is(public.calculate_hit_rate(1, 1), 50.00, 'functions of before give way');
select is_empty($$select from pg_namespace where nspname = 'monitoring_plain'$$, 'nothing is left over');
\else
select plan(1);
select pass('this database had no plain tables');
\endif
select * from finish();
rollback;
