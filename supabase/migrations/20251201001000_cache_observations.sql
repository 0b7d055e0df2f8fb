-- What somebody should look at: one row for each (subject, metric, start), at most one of them open.
create table if not exists public.cache_auditor_observations (
  id uuid primary key default gen_random_uuid(),
  severity text not null check (severity in ('info', 'warning', 'critical')),
  category text not null check (category in ('performance', 'reliability', 'capacity', 'anomaly')),
  title text not null,
  description text not null,
  recommendation text,
  implementation_type text,
  metric_name text,
  metric_value numeric,
  baseline_value numeric,
  deviation_percentage numeric,
  metadata jsonb default '{}',
  timestamp timestamptz not null default now(),
  acknowledged boolean not null default false,
  acknowledged_at timestamptz,
  acknowledged_by text
);
alter table public.cache_auditor_observations
  add column if not exists subject text,
  add column if not exists started_at timestamptz,
  add column if not exists resolved_at timestamptz,
  add column if not exists updated_at timestamptz not null default now(),
  add column if not exists acknowledged_note text;

do $$
declare
  condition name;
begin
  for condition in select conname from pg_constraint
                   where conrelid = 'public.cache_auditor_observations'::regclass and contype = 'c'
                     and pg_get_constraintdef(oid) like '%implementation_type%' loop
    execute format('alter table public.cache_auditor_observations drop constraint %I', condition);
  end loop;
end;
$$;

-- Observations of a gateway have no end: each lasts until the next of its kind.
with ordered as (
  select o.id, coalesce(o.timestamp, o.acknowledged_at, now()) as seen,
    row_number() over (partition by o.implementation_type, o.metric_name, o.timestamp order by o.id) - 1 as twin,
    lead(coalesce(o.timestamp, now())) over (
      partition by o.implementation_type, o.metric_name order by o.timestamp, o.id
    ) as next
  from public.cache_auditor_observations o where o.started_at is null
)
update public.cache_auditor_observations o set
  subject = coalesce(o.subject, o.implementation_type, 'unknown'),
  metric_name = coalesce(o.metric_name, o.title),
  timestamp = ordered.seen,
  started_at = ordered.seen + ordered.twin * interval '1 microsecond',
  resolved_at = ordered.next,
  acknowledged = coalesce(o.acknowledged, false)
from ordered where ordered.id = o.id;

alter table public.cache_auditor_observations
  alter deviation_percentage type numeric,
  alter subject set not null, alter metric_name set not null,
  alter started_at set not null, alter started_at set default now(),
  alter timestamp set not null, alter acknowledged set not null;
comment on column public.cache_auditor_observations.subject is
  'What it is about: an implementation of a cache, or the labels of an alert that tell it from its neighbours';

create unique index if not exists observations_by_start
  on public.cache_auditor_observations (subject, metric_name, started_at);
create unique index if not exists one_open_observation
  on public.cache_auditor_observations (subject, metric_name) where resolved_at is null;
create index if not exists observations_newest on public.cache_auditor_observations (timestamp desc);
create index if not exists observations_unacknowledged
  on public.cache_auditor_observations (timestamp desc) where not acknowledged;
select monitoring.protect('public.cache_auditor_observations');
