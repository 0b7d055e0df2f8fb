-- Each error with its traceback, secrets masked by whoever writes it.
create table if not exists monitoring.errors (
  id uuid not null default gen_random_uuid(),
  event_id text,
  timestamp timestamptz not null,
  kind text not null default 'connection',
  service text not null,
  script_name text,
  function_name text,
  error_type text not null default 'unknown',
  message text not null default '',
  traceback text,
  trace_id text,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  primary key (id, timestamp),
  unique (event_id, timestamp)
) partition by range (timestamp);
comment on table monitoring.errors is 'Errors with their tracebacks, kept 30 days';
comment on column monitoring.errors.service is 'The connection type, the implementation of a cache, or the service';
create index if not exists errors_newest on monitoring.errors (timestamp desc);
create index if not exists errors_by_service on monitoring.errors (service, timestamp desc);
create index if not exists errors_by_type on monitoring.errors (error_type, timestamp desc);
create index if not exists errors_by_trace on monitoring.errors (trace_id) where trace_id is not null;
select monitoring.protect('monitoring.errors');
select monitoring.keep_by_day('monitoring.errors', 'timestamp', '30 days');
