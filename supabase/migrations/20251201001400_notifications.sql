-- Wakes whoever tails a raw table: LISTEN exai_rows, the payload is the table's name.
create or replace function monitoring.notify_rows() returns trigger
language plpgsql set search_path = '' as $$
begin
  -- Once a transaction, whatever the number of statements: equal notifications are delivered as one.
  perform pg_notify('exai_rows', tg_table_schema || '.' || tg_table_name);
  return null;
end;
$$;
select monitoring.allow('monitoring.notify_rows()', variadic array[]::text[]);

do $$
declare
  relation regclass;
begin
  foreach relation in array
    array['monitoring.monitoring_events', 'monitoring.metrics_raw', 'public.cache_metrics']::regclass[] loop
    execute format('create or replace trigger notify_rows after insert on %s for each statement '
      'execute function monitoring.notify_rows()', relation);
  end loop;
end;
$$;
