-- How gateways write their metrics. Nothing is refreshed by a call: minutes and hours are rolled up apart.
select monitoring.forget_functions('aggregate_metrics');

create function monitoring.aggregate_metrics(metrics jsonb) returns jsonb
language sql set search_path = '' set timezone = 'UTC' as $$
  with items as materialized (
    select * from monitoring.batch_items(metrics, 'type')
  ), written as (
    insert into monitoring.metrics_raw (type, data, timestamp)
    select i.item ->> 'type', i.item -> 'data', i.at from items i where i.refused is null
    returning 1
  )
  select jsonb_build_object(
    'accepted', (select count(*) from written),
    'rejected', (select count(i.refused) from items i),
    'errors', coalesce(
      (select jsonb_agg(i.refused order by i.refused -> 'index') from items i where i.refused is not null), '[]'));
$$;
comment on function monitoring.aggregate_metrics is
  'Writes the good items of an array of {type, data, timestamp}: '
  '{accepted, rejected, errors: [{index, field, reason, message}]}';

create function public.aggregate_metrics(metrics jsonb) returns jsonb
language sql set search_path = '' as $$
  select monitoring.aggregate_metrics(metrics);
$$;

select monitoring.allow(f, 'service_role')
from unnest(array['monitoring.aggregate_metrics(jsonb)', 'public.aggregate_metrics(jsonb)']::regprocedure[]) f;
