-- The metrics of gateways by minute and by hour.
create table if not exists monitoring.metrics_1min (
  minute_window timestamptz not null,
  type text not null,
  subject text not null,
  count bigint not null,
  timed_count bigint not null,
  avg_response_time_ms double precision,
  min_response_time_ms double precision,
  max_response_time_ms double precision,
  p50_response_time_ms double precision,
  p95_response_time_ms double precision,
  p99_response_time_ms double precision,
  success_count bigint not null,
  error_count bigint not null,
  primary key (minute_window, type, subject)
);
create table if not exists monitoring.metrics_1hour (
  like monitoring.metrics_1min, primary key (minute_window, type, subject)
);
do $$
begin
  if exists (select from pg_attribute where attrelid = 'monitoring.metrics_1hour'::regclass
             and attname = 'minute_window') then
    alter table monitoring.metrics_1hour rename minute_window to hour_window;
  end if;
end;
$$;
comment on table monitoring.metrics_1min is 'Metrics of gateways by minute, kept 30 days; percentiles are exact';
comment on table monitoring.metrics_1hour is
  'Metrics of gateways by hour, kept a year; percentiles are computed from the rows of the hour, '
  'never from those of minutes';
create index if not exists metrics_1min_by_type on monitoring.metrics_1min (type, minute_window);
create index if not exists metrics_1hour_by_type on monitoring.metrics_1hour (type, hour_window);

select monitoring.protect('monitoring.metrics_1min');
select monitoring.protect('monitoring.metrics_1hour');
insert into monitoring.retention values
  ('monitoring.metrics_1min', 'minute_window', '30 days', false),
  ('monitoring.metrics_1hour', 'hour_window', '1 year', false)
on conflict do nothing;
