-- The plain tables, views and functions that a gateway's own migrations leave behind, with some rows in them,
-- and copies of those rows in the schema `before`.
create schema monitoring;
create table monitoring.monitoring_events (
  id uuid primary key default gen_random_uuid(),
  event_type varchar(50) not null,
  timestamp timestamptz not null,
  source varchar(100) not null,
  data jsonb not null,
  metadata jsonb not null default '{}',
  created_at timestamptz default now()
);
create index idx_monitoring_events_timestamp on monitoring.monitoring_events (timestamp desc);
create table monitoring.metrics_raw (
  id bigserial primary key,
  type text not null,
  data jsonb not null,
  timestamp timestamptz not null default now(),
  created_at timestamptz not null default now()
);
create index idx_metrics_raw_type on monitoring.metrics_raw (type);
create materialized view monitoring.metrics_1min as
  select date_trunc('minute', timestamp) as minute_window, type,
  count(*) as count from monitoring.metrics_raw group by 1, 2;
create materialized view monitoring.metrics_1hour as
  select date_trunc('hour', timestamp) as hour_window, type, count(*) as count from monitoring.metrics_raw group by
  1, 2;
create table public.cache_metrics (
  id uuid primary key default gen_random_uuid(),
  cache_key text not null,
  operation_type text not null check (operation_type in ('hit', 'miss', 'set', 'evict', 'error')),
  implementation_type text not null check (implementation_type in ('legacy', 'new')),
  response_time_ms integer,
  cache_size integer,
  error_type text,
  error_message text,
  metadata jsonb default '{}',
  timestamp timestamptz default now(),
  constraint valid_response_time check (response_time_ms >= 0)
);
create table public.cache_metrics_1min (
  id uuid primary key default gen_random_uuid(),
  minute_window timestamptz not null,
  implementation_type text not null check (implementation_type in ('legacy', 'new')),
  total_operations integer not null default 0, hits integer not null default 0, misses integer not null default 0,
  sets integer not null default 0, evictions integer not null default 0, errors integer not null default 0,
  avg_response_time_ms numeric(10, 2), p50_response_time_ms integer, p95_response_time_ms integer,
  p99_response_time_ms integer, max_response_time_ms integer, avg_cache_size integer, max_cache_size integer,
  hit_rate numeric(5, 2), created_at timestamptz default now(),
  constraint unique_minute_window unique (minute_window, implementation_type)
);
create table public.cache_metrics_1hour (like public.cache_metrics_1min including all);
alter table public.cache_metrics_1hour rename minute_window to hour_window;
create table public.cache_baseline_metrics (
  id uuid primary key default gen_random_uuid(),
  implementation_type text not null check (implementation_type in ('legacy', 'new')),
  baseline_period_start timestamptz not null, baseline_period_end timestamptz not null,
  baseline_hit_rate numeric(5, 2) not null, baseline_avg_response_time_ms numeric(10, 2) not null,
  baseline_p95_response_time_ms integer not null, baseline_error_rate numeric(5, 2) not null,
  hit_rate_stddev numeric(5, 2), response_time_stddev numeric(10, 2),
  sample_size integer not null, created_at timestamptz default now(), is_active boolean default true
);
create table public.cache_auditor_observations (
  id uuid primary key default gen_random_uuid(),
  severity text not null check (severity in ('info', 'warning', 'critical')),
  category text not null check (category in ('performance', 'reliability', 'capacity', 'anomaly')),
  title text not null, description text not null, recommendation text,
  implementation_type text check (implementation_type in ('legacy', 'new')),
  metric_name text, metric_value numeric, baseline_value numeric, deviation_percentage numeric(5, 2),
  metadata jsonb default '{}', timestamp timestamptz default now(),
  acknowledged boolean default false, acknowledged_at timestamptz, acknowledged_by text
);
alter publication supabase_realtime add table public.cache_metrics_1min, public.cache_auditor_observations,
  monitoring.monitoring_events;

create view public.monitoring_events_view as select * from monitoring.monitoring_events;
create function public.monitoring_events_view_insert() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger monitoring_events_view_insert_trigger instead of insert on public.monitoring_events_view
  for each row execute function public.monitoring_events_view_insert();
create function public.calculate_hit_rate(hits integer, misses integer) returns numeric language sql as 'select 0.0';
create function public.get_cache_performance_summary(p_implementation_type text default null,
  p_time_window interval default '1 hour')
  returns table (implementation_type text) language sql as 'select ''old''';
create function monitoring.aggregate_metrics(metrics jsonb) returns void language sql security definer as
  'select null::void';
create function public.insert_monitoring_event(p_event_type varchar, p_timestamp timestamptz, p_source varchar,
  p_data jsonb,
  p_metadata jsonb default '{}') returns table (id uuid) language sql security definer as 'select gen_random_uuid()';
alter table public.cache_metrics_1min enable row level security;
create policy "everybody" on public.cache_metrics_1min for all to public using (true);
grant usage on schema monitoring to anon;
grant all on all tables in schema monitoring to anon, authenticated;

insert into monitoring.monitoring_events (event_type, timestamp, source, data, created_at)
select 'connection', now() - i * interval '1 hour', 'gateway', jsonb_build_object('i', i),
  case when i % 2 = 0 then now() end
from generate_series(1, 300) i;
insert into monitoring.metrics_raw (type, data, timestamp)
select 'cache_hit', jsonb_build_object('implementation', 'new', 'response_time_ms', i),
  now() - i * interval '1 hour' from generate_series(1, 300) i;
delete from monitoring.metrics_raw where id = 150;
insert into public.cache_metrics (cache_key, operation_type, implementation_type, response_time_ms, metadata, timestamp)
select 'key ' || i, case when i % 3 = 0 then 'miss' else 'hit' end, 'legacy', i,
  case when i % 2 = 0 then '{"a": 1}'::jsonb end, now() - i * interval '1 hour'
from generate_series(1, 300) i;
insert into public.cache_metrics_1min (minute_window, implementation_type, total_operations, hits, avg_response_time_ms)
values (date_trunc('minute', now()) - interval '25 days', 'legacy', 10, 7, 12.5);
insert into public.cache_baseline_metrics (implementation_type, baseline_period_start, baseline_period_end,
  baseline_hit_rate,
  baseline_avg_response_time_ms, baseline_p95_response_time_ms, baseline_error_rate, sample_size, created_at)
select 'new', now(), now(), 70 + i, 10, 20, 0.5, 1000, now() - (i - 3) * interval '1 day' from generate_series(1, 3) i;
insert into public.cache_auditor_observations (severity, category, title, description, implementation_type,
  metric_name, timestamp, acknowledged)
values ('warning', 'anomaly', 'low', 'low', 'new', 'hit_rate', '2026-01-01 00:00+00', true), ('warning', 'anomaly',
  'low', 'low', 'new', 'hit_rate', '2026-01-01 00:00+00', false),
  ('warning', 'anomaly', 'low', 'low', 'new', 'hit_rate', '2026-01-02 00:00+00', false), ('info', 'capacity', 'full',
  'full', null, null, '2026-01-03 00:00+00', null);

create schema before;
create table before.monitoring_events as table monitoring.monitoring_events;
create table before.metrics_raw as table monitoring.metrics_raw;
create table before.cache_metrics as table public.cache_metrics;
create table before.cache_baseline_metrics as table public.cache_baseline_metrics;
create table before.cache_auditor_observations as table public.cache_auditor_observations;
