-- Calls of models, one row each, secrets masked by whoever writes it.
create table if not exists monitoring.model_calls (
  id uuid not null default gen_random_uuid(),
  event_id text,
  timestamp timestamptz not null,
  provider text not null,
  model text not null,
  operation text not null default 'chat',
  tool_name text,
  request_type text,
  thinking_mode text,
  outcome text not null default 'ok',
  error_type text,
  error text,
  finish_reason text,
  cache_hit boolean,
  duration_ms double precision not null check (duration_ms >= 0),
  time_to_first_token_ms double precision,
  input_tokens bigint,
  output_tokens bigint,
  total_tokens bigint,
  input_cached_tokens bigint,
  input_cache_write_tokens bigint,
  output_reasoning_tokens bigint,
  cost_dollars double precision,
  estimated_timeout_s double precision,
  estimate_source text,
  conversation text,
  request_id text,
  trace_id text,
  connection_type text,
  script_name text,
  function_name text,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  primary key (id, timestamp),
  unique (event_id, timestamp)
) partition by range (timestamp);
comment on table monitoring.model_calls is 'Calls of models that count, kept 30 days';
comment on column monitoring.model_calls.timestamp is 'The end of the call';
comment on column monitoring.model_calls.total_tokens is
  'Input and output, or their sum where the split is not known; the cached, cache-write and reasoning tokens are parts';
comment on column monitoring.model_calls.cost_dollars is
  'By the price list of the exporter when it wrote the row; null where tokens or prices are not known';
comment on column monitoring.model_calls.estimate_source is
  'Where the timeout comes from; shadow: the call named none, and the exporter would have given it this one';
create index if not exists model_calls_newest on monitoring.model_calls (timestamp desc);
create index if not exists model_calls_slowest on monitoring.model_calls (duration_ms desc);
create index if not exists model_calls_dearest
  on monitoring.model_calls (cost_dollars desc) where cost_dollars is not null;
create index if not exists model_calls_failed on monitoring.model_calls (timestamp desc) where outcome <> 'ok';
create index if not exists model_calls_by_conversation
  on monitoring.model_calls (conversation, timestamp) where conversation is not null;
create index if not exists model_calls_by_trace on monitoring.model_calls (trace_id) where trace_id is not null;
select monitoring.protect('monitoring.model_calls');
select monitoring.keep_by_day('monitoring.model_calls', 'timestamp', '30 days');
