-- Items of a batch are looked at one by one: one bad item never rejects its neighbours.
create or replace function monitoring.time_of(p_value jsonb) returns timestamptz
language plpgsql stable parallel safe set search_path = '' as $$
declare
  found timestamptz;
  written text := p_value #>> '{}';
begin
  case jsonb_typeof(p_value)
    when 'number' then found := to_timestamp(written::double precision);
    when 'string' then found := case when written ~ '^\d{4}-\d\d-\d\d[T ]' then written::timestamptz end;
    else return null;
  end case;
  return case when found >= '2015-01-01 00:00+00' and found <= now() + interval '1 day' then found end;
exception when data_exception then
  return null;
end;
$$;
comment on function monitoring.time_of is
  'Unix seconds or ISO 8601, from 2015 to tomorrow; null if it is neither. '
  'Without a zone it is the session''s: callers set UTC';

create or replace function monitoring.is_label(p_value jsonb) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(jsonb_typeof(p_value) = 'string' and length(p_value #>> '{}') between 1 and 128
    and p_value #>> '{}' !~ '[[:cntrl:]]', false);
$$;
comment on function monitoring.is_label is '1 to 128 printable characters';

create or replace function monitoring.refusal(
  p_index bigint, p_item jsonb, p_time timestamptz, variadic p_labels text[]
) returns jsonb
language sql immutable parallel safe set search_path = '' as $$
  select case when jsonb_typeof(p_item) <> 'object' then
      jsonb_build_object('index', p_index, 'field', '', 'reason', 'invalid', 'message', 'is not an object')
    else (
      select jsonb_build_object('index', p_index, 'field', f.field,
        'reason', case when coalesce(p_item -> f.field, 'null') = 'null' then 'missing' else 'invalid' end,
        'message', f.message)
      from (
        select l.field, 'needs 1 to 128 printable characters' as message, l.place
        from unnest(p_labels) with ordinality as l (field, place) where not monitoring.is_label(p_item -> l.field)
        union all
        select 'data', 'needs an object', 100 where jsonb_typeof(p_item -> 'data') is distinct from 'object'
        union all
        select 'timestamp', 'needs Unix seconds or ISO 8601, from 2015 to tomorrow', 101 where p_time is null
      ) f order by f.place limit 1
    ) end;
$$;
comment on function monitoring.refusal is
  'Why an item is not taken: {index, field, reason, message}; null if it is taken';

create or replace function monitoring.batch_items(p_batch jsonb, variadic p_labels text[])
returns table (item jsonb, at timestamptz, refused jsonb)
language plpgsql stable set search_path = '' as $$
begin
  if jsonb_typeof(p_batch) is distinct from 'array' then
    raise exception 'a batch is an array of objects' using errcode = 'invalid_parameter_value';
  end if;
  return query
    select e.item, t.at,
      -- To say why costs as much as to write three rows: only where there is something to say.
      case when t.at is null or jsonb_typeof(e.item -> 'data') is distinct from 'object'
             or not (select bool_and(monitoring.is_label(e.item -> l.field)) from unnest(p_labels) l (field))
           then monitoring.refusal(e.place - 1, e.item, t.at, variadic p_labels) end
    from jsonb_array_elements(p_batch) with ordinality as e (item, place),
      lateral (select monitoring.time_of(e.item -> 'timestamp') as at) t;
end;
$$;

select monitoring.allow(f, 'service_role') from unnest(array[
  'monitoring.time_of(jsonb)', 'monitoring.is_label(jsonb)', 'monitoring.refusal(bigint, jsonb, timestamptz, text[])',
  'monitoring.batch_items(jsonb, text[])']::regprocedure[]) f;
