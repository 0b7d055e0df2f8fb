-- What Supabase brings and plain PostgreSQL lacks: run it once, as a superuser, before the migrations.
-- A login writes as a member of service_role, and reads as a member of authenticated.
do $$
declare
  role_name text;
begin
  foreach role_name in array array['anon', 'authenticated', 'service_role'] loop
    if to_regrole(role_name) is null then
      execute format('create role %I nologin', role_name);
    end if;
  end loop;
  if not exists (select from pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime with (publish_via_partition_root = true);
  end if;
end;
$$;
