-- A gateway's own migrations may have made plain tables and materialized views: the tables step aside
-- until their partitioned successors take their rows; the views are computed anew from these.
create or replace function monitoring.set_aside(p_relation text) returns void
language plpgsql set search_path = '' as $$
begin
  if exists (select from pg_catalog.pg_class c where c.oid = to_regclass(p_relation) and c.relkind = 'r') then
    create schema if not exists monitoring_plain;
    revoke all on schema monitoring_plain from public, anon, authenticated, service_role;
    execute format('alter table %s set schema monitoring_plain', p_relation);
  end if;
end;
$$;
comment on function monitoring.set_aside is
  'Moves a plain table, its indexes and its sequence out of the way; nothing if there is none';

create or replace function monitoring.take_back(p_relation text) returns bigint
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  plain regclass := to_regclass('monitoring_plain.' || split_part(p_relation, '.', 2));
  unknown text;
  columns text;
  filled text;
  day date;
  taken bigint;
begin
  if plain is null then
    return 0;
  end if;
  select string_agg(old.attname, ', ') filter (where new.attname is null),
         string_agg(quote_ident(old.attname), ', ' order by old.attnum),
         string_agg(case when new.attnotnull and d.adbin is not null
                         then format('coalesce(o.%I, %s)', old.attname, pg_get_expr(d.adbin, d.adrelid))
                         else format('o.%I', old.attname) end, ', ' order by old.attnum)
    into unknown, columns, filled
  from pg_catalog.pg_attribute old
  left join pg_catalog.pg_attribute new
    on new.attrelid = p_relation::regclass and new.attname = old.attname and new.attgenerated = '' and new.attnum > 0
  left join pg_catalog.pg_attrdef d on d.adrelid = new.attrelid and d.adnum = new.attnum
  where old.attrelid = plain and old.attnum > 0 and not old.attisdropped;
  if unknown is not null then
    raise exception '% has columns that its successor lacks: %', p_relation, unknown
      using hint = 'move their content into metadata or data, drop them, and migrate again';
  end if;
  for day in execute format('select distinct o.timestamp::date from %s o
      where o.timestamp >= $1 and o.timestamp < now() + interval ''8 days''',
      plain) using monitoring.kept_since(p_relation) loop
    perform monitoring.make_day(p_relation, day);
  end loop;
  execute format('insert into %s (%s) select %s from %s o', p_relation, columns, filled, plain);
  get diagnostics taken = row_count;
  if pg_get_serial_sequence(p_relation, 'id') is not null then
    execute format('select setval(pg_get_serial_sequence(%L, ''id''), coalesce(max(o.id), 1), max(o.id) is not null)
      from %s o',
      p_relation, plain);
  end if;
  execute format('drop table %s', plain);
  return taken;
end;
$$;
comment on function monitoring.take_back is 'Copies the rows that were set aside and drops their table; how many rows';

create or replace function monitoring.forget_functions(variadic p_names text[]) returns void
language plpgsql set search_path = '' as $$
declare
  found regprocedure;
begin
  for found in select p.oid::regprocedure from pg_catalog.pg_proc p
               where p.pronamespace in ('monitoring'::regnamespace, 'public'::regnamespace)
                 and p.proname = any (p_names) loop
    execute format('drop function %s', found);
  end loop;
end;
$$;
comment on function monitoring.forget_functions is
  'Drops every signature of a name: of two that fit, PostgREST calls neither';

select monitoring.allow(f, variadic array[]::text[]) from unnest(array[
  'monitoring.set_aside(text)', 'monitoring.take_back(text)', 'monitoring.forget_functions(text[])']::regprocedure[]) f;

do $$
declare
  derived text;
begin
  foreach derived in array array['metrics_1hour', 'metrics_1min'] loop
    if exists (select from pg_class where relnamespace = 'monitoring'::regnamespace
               and relname = derived and relkind = 'm') then
      execute format('drop materialized view monitoring.%I', derived);
    end if;
  end loop;
end;
$$;
drop view if exists public.monitoring_events_view;
select monitoring.forget_functions('monitoring_events_view_insert');
