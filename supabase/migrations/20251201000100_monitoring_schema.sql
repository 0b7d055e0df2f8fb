-- The schema, and the one place that says who may do what with a table or a function.
do $$
begin
  if to_regrole('anon') is null or to_regrole('authenticated') is null or to_regrole('service_role') is null
    or not exists (select from pg_publication where pubname = 'supabase_realtime')
  then
    raise exception 'the roles or the publication of Supabase are missing'
      using hint = 'on plain PostgreSQL, run supabase/bootstrap.sql first';
  end if;
end;
$$;

create schema if not exists monitoring;
revoke all on schema monitoring from public, anon, authenticated;
grant usage on schema monitoring to authenticated, service_role;

create schema if not exists monitoring_days;
comment on schema monitoring_days is
  'The daily partitions: reached through their parents alone, which hold the policies';
revoke all on schema monitoring_days from public, anon, authenticated, service_role;

create or replace function monitoring.protect(p_table regclass) returns void
language plpgsql set search_path = '' as $$
declare
  policy name;
begin
  execute format('alter table %s enable row level security', p_table);
  for policy in select p.polname from pg_catalog.pg_policy p where p.polrelid = p_table loop
    execute format('drop policy %I on %s', policy, p_table);
  end loop;
  execute format('create policy "service_role writes" on %s for all to service_role '
    'using (true) with check (true)', p_table);
  execute format('create policy "authenticated reads" on %s for select to authenticated using (true)', p_table);
  execute format('revoke all on %s from public, anon, authenticated, service_role', p_table);
  execute format('grant select, insert, update, delete on %s to service_role', p_table);
  execute format('grant select on %s to authenticated', p_table);
end;
$$;
comment on function monitoring.protect is
  'service_role writes, authenticated reads, anon nothing; policies that were there go';

create or replace function monitoring.allow(p_function regprocedure, variadic p_roles text[]) returns void
language plpgsql set search_path = '' as $$
declare
  kind text := (select case p.prokind when 'p' then 'procedure' else 'function' end
                from pg_catalog.pg_proc p where p.oid = p_function);
  role_name text;
begin
  execute format('revoke all on %s %s from public, anon, authenticated, service_role', kind, p_function);
  foreach role_name in array p_roles loop
    execute format('grant execute on %s %s to %I', kind, p_function, role_name);
  end loop;
end;
$$;
comment on function monitoring.allow is 'These roles may call it, and nobody else but its owner';

select monitoring.allow('monitoring.protect(regclass)', variadic array[]::text[]);
select monitoring.allow('monitoring.allow(regprocedure, text[])', variadic array[]::text[]);
