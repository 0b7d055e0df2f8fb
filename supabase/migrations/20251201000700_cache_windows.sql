-- The operations of caches by minute and by hour.
create table if not exists public.cache_metrics_1min (
  id uuid primary key default gen_random_uuid(),
  minute_window timestamptz not null,
  implementation_type text not null,
  constraint unique_minute_window unique (minute_window, implementation_type)
);
create table if not exists public.cache_metrics_1hour (
  id uuid primary key default gen_random_uuid(),
  hour_window timestamptz not null,
  implementation_type text not null,
  constraint unique_hour_window unique (hour_window, implementation_type)
);
comment on table public.cache_metrics_1min is
  'Operations of semantic caches by minute, kept 30 days; percentiles are exact';
comment on table public.cache_metrics_1hour is
  'Operations of semantic caches by hour, kept a year; percentiles are computed from the rows of the hour, '
  'never from those of minutes';

-- Tables of a gateway bring narrower columns, and checks that know two implementations only.
do $$
declare
  relation regclass;
  condition name;
  shape text[];
begin
  foreach relation in array array['public.cache_metrics_1min', 'public.cache_metrics_1hour']::regclass[] loop
    for condition in select conname from pg_constraint where conrelid = relation and contype = 'c' loop
      execute format('alter table %s drop constraint %I', relation, condition);
    end loop;
    foreach shape slice 1 in array array[
      ['total_operations', 'bigint'], ['hits', 'bigint'], ['misses', 'bigint'], ['sets', 'bigint'],
      ['evictions', 'bigint'], ['errors', 'bigint'], ['timed_operations', 'bigint']] loop
      execute format('alter table %s add column if not exists %I %s not null default 0', relation, shape[1], shape[2]);
    end loop;
    foreach shape slice 1 in array array[
      ['avg_response_time_ms', 'double precision'], ['stddev_response_time_ms', 'double precision'],
      ['p50_response_time_ms', 'double precision'], ['p95_response_time_ms', 'double precision'],
      ['p99_response_time_ms', 'double precision'], ['max_response_time_ms', 'double precision'],
      ['avg_cache_size', 'double precision'], ['max_cache_size', 'bigint'], ['hit_rate', 'numeric']] loop
      execute format('alter table %s add column if not exists %I %s', relation, shape[1], shape[2]);
    end loop;
    execute format('alter table %s add column if not exists created_at timestamptz default now()', relation);
    if exists (select from pg_attribute where attrelid = relation and attname = 'hits'
               and atttypid = 'integer'::regtype) then
      execute format('alter table %s
        alter total_operations type bigint, alter hits type bigint, alter misses type bigint, alter sets type bigint,
        alter evictions type bigint, alter errors type bigint,
        alter avg_response_time_ms type double precision, alter p50_response_time_ms type double precision,
        alter p95_response_time_ms type double precision, alter p99_response_time_ms type double precision,
        alter max_response_time_ms type double precision,
        alter avg_cache_size type double precision, alter max_cache_size type bigint,
        alter hit_rate type numeric', relation);
      execute format('update %s set timed_operations = total_operations
        where avg_response_time_ms is not null', relation);
    end if;
  end loop;
end;
$$;
alter table public.cache_metrics_1hour add column if not exists response_time_buckets jsonb;
comment on column public.cache_metrics_1min.hit_rate is
  'Percent of hits and misses that were hits; null without either';
comment on column public.cache_metrics_1hour.hit_rate is
  'Percent of hits and misses that were hits; null without either';
comment on column public.cache_metrics_1hour.response_time_buckets is
  '{bucket: operations}, see monitoring.response_bucket: hours add up to a percentile of many days '
  'within half a percent';

select monitoring.protect('public.cache_metrics_1min');
select monitoring.protect('public.cache_metrics_1hour');
insert into monitoring.retention values
  ('public.cache_metrics_1min', 'minute_window', '30 days', false),
  ('public.cache_metrics_1hour', 'hour_window', '1 year', false)
on conflict do nothing;
