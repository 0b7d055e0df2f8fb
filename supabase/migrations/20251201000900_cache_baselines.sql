-- What is normal for a cache: one active baseline for each implementation, and those before it.
create table if not exists public.cache_baseline_metrics (
  id uuid primary key default gen_random_uuid(),
  implementation_type text not null,
  baseline_period_start timestamptz not null,
  baseline_period_end timestamptz not null,
  baseline_hit_rate numeric not null,
  baseline_avg_response_time_ms double precision not null,
  baseline_p95_response_time_ms double precision not null,
  baseline_error_rate numeric not null,
  hit_rate_stddev numeric,
  response_time_stddev double precision,
  sample_size bigint not null,
  created_at timestamptz not null default now(),
  is_active boolean not null default true
);
do $$
declare
  condition name;
begin
  for condition in select conname from pg_constraint
                   where conrelid = 'public.cache_baseline_metrics'::regclass and contype in ('c', 'u') loop
    execute format('alter table public.cache_baseline_metrics drop constraint %I', condition);
  end loop;
  if exists (select from pg_attribute where attrelid = 'public.cache_baseline_metrics'::regclass
             and attname = 'sample_size' and atttypid = 'integer'::regtype) then
    update public.cache_baseline_metrics set created_at = coalesce(created_at, baseline_period_end),
      is_active = coalesce(is_active, false);
    alter table public.cache_baseline_metrics
      alter baseline_hit_rate type numeric, alter baseline_error_rate type numeric, alter hit_rate_stddev type numeric,
      alter baseline_avg_response_time_ms type double precision,
      alter baseline_p95_response_time_ms type double precision,
      alter response_time_stddev type double precision, alter sample_size type bigint,
      alter created_at set not null, alter is_active set not null;
  end if;
end;
$$;
comment on table public.cache_baseline_metrics is
  'Rates are percent, of hits and misses or of operations; history is kept';

update public.cache_baseline_metrics b set is_active = false
where b.is_active and exists (
  select from public.cache_baseline_metrics newer
  where newer.implementation_type = b.implementation_type and newer.is_active
    and (newer.created_at, newer.id) > (b.created_at, b.id));
create unique index if not exists one_active_baseline
  on public.cache_baseline_metrics (implementation_type) where is_active;
create index if not exists baselines_by_implementation
  on public.cache_baseline_metrics (implementation_type, created_at desc);
select monitoring.protect('public.cache_baseline_metrics');
