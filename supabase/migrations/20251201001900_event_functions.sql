-- How gateways write and read monitoring events; the wrappers in public are what PostgREST finds.
select monitoring.forget_functions(
  'insert_monitoring_event', 'insert_monitoring_events_batch', 'get_monitoring_events');

create function monitoring.insert_monitoring_event(
  p_event_type text, p_timestamp timestamptz, p_source text, p_data jsonb, p_metadata jsonb default '{}'
)
returns table (
  id uuid, event_type text, "timestamp" timestamptz, source text, data jsonb, metadata jsonb, created_at timestamptz
)
language sql set search_path = '' as $$
  insert into monitoring.monitoring_events as e (event_type, timestamp, source, data, metadata)
  values (p_event_type, p_timestamp, p_source, p_data, coalesce(p_metadata, '{}'))
  returning e.id, e.event_type, e.timestamp, e.source, e.data, e.metadata, e.created_at;
$$;

create function monitoring.insert_monitoring_events_batch(p_events jsonb) returns jsonb
language sql set search_path = '' set timezone = 'UTC' as $$
  with items as materialized (
    select * from monitoring.batch_items(p_events, 'event_type', 'source')
  ), written as (
    insert into monitoring.monitoring_events (event_type, timestamp, source, data, metadata)
    select i.item ->> 'event_type', i.at, i.item ->> 'source', i.item -> 'data',
      case when jsonb_typeof(i.item -> 'metadata') = 'object' then i.item -> 'metadata' else '{}' end
    from items i where i.refused is null
    returning 1
  )
  select jsonb_build_object(
    'accepted', (select count(*) from written),
    'rejected', (select count(i.refused) from items i),
    'errors', coalesce(
      (select jsonb_agg(i.refused order by i.refused -> 'index') from items i where i.refused is not null), '[]'));
$$;
comment on function monitoring.insert_monitoring_events_batch is
  'Writes the good items of an array of {event_type, timestamp, source, data, metadata}: '
  '{accepted, rejected, errors: [{index, field, reason, message}]}';

create function monitoring.get_monitoring_events(
  p_limit integer default 100, p_offset integer default 0, p_event_type text default null, p_source text default null
)
returns table (
  id uuid, event_type text, "timestamp" timestamptz, source text, data jsonb, metadata jsonb, created_at timestamptz
)
language sql stable set search_path = '' as $$
  select e.id, e.event_type, e.timestamp, e.source, e.data, e.metadata, e.created_at
  from monitoring.monitoring_events e
  where (p_event_type is null or e.event_type = p_event_type) and (p_source is null or e.source = p_source)
  order by e.timestamp desc
  limit least(p_limit, 10000) offset p_offset;
$$;
comment on function monitoring.get_monitoring_events is 'Newest first, at most 10,000';

create function public.insert_monitoring_event(
  p_event_type text, p_timestamp timestamptz, p_source text, p_data jsonb, p_metadata jsonb default '{}'
)
returns table (
  id uuid, event_type text, "timestamp" timestamptz, source text, data jsonb, metadata jsonb, created_at timestamptz
)
language sql set search_path = '' as $$
  select * from monitoring.insert_monitoring_event(p_event_type, p_timestamp, p_source, p_data, p_metadata);
$$;

create function public.insert_monitoring_events_batch(p_events jsonb) returns jsonb
language sql set search_path = '' as $$
  select monitoring.insert_monitoring_events_batch(p_events);
$$;

create function public.get_monitoring_events(
  p_limit integer default 100, p_offset integer default 0, p_event_type text default null, p_source text default null
)
returns table (
  id uuid, event_type text, "timestamp" timestamptz, source text, data jsonb, metadata jsonb, created_at timestamptz
)
language sql stable set search_path = '' as $$
  select * from monitoring.get_monitoring_events(p_limit, p_offset, p_event_type, p_source);
$$;

select monitoring.allow(p.oid::regprocedure, 'service_role') from pg_proc p
where p.pronamespace in ('monitoring'::regnamespace, 'public'::regnamespace)
  and p.proname in ('insert_monitoring_event', 'insert_monitoring_events_batch');
select monitoring.allow(p.oid::regprocedure, 'service_role', 'authenticated') from pg_proc p
where p.pronamespace in ('monitoring'::regnamespace, 'public'::regnamespace) and p.proname = 'get_monitoring_events';
