-- Requests through the layers of a gateway: a trace, and a span for each layer that it passes.
create table if not exists monitoring.traces (
  trace_id text not null,
  span_id text,
  parent_span_id text,
  tool_name text not null,
  conversation_id text,
  call_index integer,
  status text not null,
  error text,
  started_at timestamptz not null,
  ended_at timestamptz not null check (ended_at >= started_at),
  duration_ms double precision generated always as (
    (extract(epoch from ended_at - started_at) * 1000)::double precision
  ) stored,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  primary key (trace_id, started_at)
) partition by range (started_at);
create table if not exists monitoring.spans (
  trace_id text not null,
  position smallint not null,
  layer text not null,
  started_at timestamptz not null,
  ended_at timestamptz not null check (ended_at >= started_at),
  duration_ms double precision generated always as (
    (extract(epoch from ended_at - started_at) * 1000)::double precision
  ) stored,
  primary key (trace_id, position, started_at)
) partition by range (started_at);
comment on table monitoring.traces is 'Requests of tools from end to end, kept 30 days';
comment on table monitoring.spans is
  'Time of a trace in each layer, kept 30 days; position is the place in the trace, from 0';
create index if not exists traces_newest on monitoring.traces (started_at desc);
create index if not exists traces_slowest on monitoring.traces (duration_ms desc);
create index if not exists traces_by_tool on monitoring.traces (tool_name, started_at desc);
create index if not exists traces_by_conversation
  on monitoring.traces (conversation_id, call_index) where conversation_id is not null;
create index if not exists spans_by_layer on monitoring.spans (layer, started_at);
select monitoring.protect('monitoring.traces');
select monitoring.protect('monitoring.spans');
select monitoring.keep_by_day('monitoring.traces', 'started_at', '30 days');
select monitoring.keep_by_day('monitoring.spans', 'started_at', '30 days');
