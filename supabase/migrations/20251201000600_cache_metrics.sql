-- Each operation of a semantic cache.
select monitoring.set_aside('public.cache_metrics');

create table if not exists public.cache_metrics (
  id uuid not null default gen_random_uuid(),
  event_id text,
  cache_key text,
  operation_type text not null check (operation_type in ('hit', 'miss', 'set', 'evict', 'error')),
  implementation_type text not null,
  response_time_ms double precision check (response_time_ms >= 0),
  cache_size bigint,
  similarity double precision check (similarity between 0 and 1),
  error_type text,
  error_message text,
  metadata jsonb not null default '{}',
  timestamp timestamptz not null default now(),
  written_in xid8 not null default pg_current_xact_id(),
  primary key (id, timestamp),
  unique (event_id, timestamp)
) partition by range (timestamp);
comment on table public.cache_metrics is 'Operations of semantic caches, kept 7 days';
comment on column public.cache_metrics.event_id is
  'Given by the collector: a repeat is the same row, on conflict do nothing';
comment on column public.cache_metrics.written_in is
  'The transaction that wrote the row: whoever tails the table reads below pg_snapshot_xmin(pg_current_snapshot())';

create index if not exists cache_metrics_tail on public.cache_metrics (written_in, id);
create index if not exists cache_metrics_newest on public.cache_metrics (timestamp);
create index if not exists cache_metrics_errors on public.cache_metrics (timestamp desc) where operation_type = 'error';
select monitoring.protect('public.cache_metrics');
select monitoring.keep_by_day('public.cache_metrics', 'timestamp', '7 days');
select monitoring.take_back('public.cache_metrics');
