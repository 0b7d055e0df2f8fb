-- Everything that a gateway reports, as it comes.
select monitoring.set_aside('monitoring.monitoring_events');

create table if not exists monitoring.monitoring_events (
  id uuid not null default gen_random_uuid(),
  event_type text not null,
  timestamp timestamptz not null,
  source text not null,
  data jsonb not null,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  written_in xid8 not null default pg_current_xact_id(),
  primary key (id, timestamp)
) partition by range (timestamp);
comment on table monitoring.monitoring_events is 'Events of gateways, kept 7 days';
comment on column monitoring.monitoring_events.written_in is
  'The transaction that wrote the row: whoever tails the table reads below pg_snapshot_xmin(pg_current_snapshot())';

create index if not exists monitoring_events_tail on monitoring.monitoring_events (written_in, id);
create index if not exists monitoring_events_newest on monitoring.monitoring_events (timestamp desc);
create index if not exists monitoring_events_by_type on monitoring.monitoring_events (event_type, timestamp desc);
create index if not exists monitoring_events_by_source on monitoring.monitoring_events (source, timestamp desc);
select monitoring.protect('monitoring.monitoring_events');
select monitoring.keep_by_day('monitoring.monitoring_events', 'timestamp', '7 days');
select monitoring.take_back('monitoring.monitoring_events');

-- Gateways whose client cannot name a schema insert through this view.
create or replace view public.monitoring_events_view with (security_invoker = true) as
  select e.id, e.event_type, e.timestamp, e.source, e.data, e.metadata, e.created_at
  from monitoring.monitoring_events e;
revoke all on public.monitoring_events_view from public, anon, authenticated, service_role;
grant select, insert on public.monitoring_events_view to service_role;
grant select on public.monitoring_events_view to authenticated;
