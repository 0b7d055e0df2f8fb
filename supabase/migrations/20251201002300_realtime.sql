-- What dashboards hear of as it happens. Rows of a partition are published as those of its table.
do $$
declare
  relation regclass;
  everything boolean := (select p.puballtables from pg_publication p where p.pubname = 'supabase_realtime');
begin
  alter publication supabase_realtime set (publish_via_partition_root = true);
  foreach relation in array array['public.cache_metrics_1min', 'public.cache_auditor_observations',
                                  'monitoring.monitoring_events']::regclass[] loop
    if not everything and not exists (
      select from pg_publication_rel r join pg_publication p on p.oid = r.prpubid
      where p.pubname = 'supabase_realtime' and r.prrelid = relation) then
      execute format('alter publication supabase_realtime add table %s', relation);
    end if;
  end loop;
end;
$$;
