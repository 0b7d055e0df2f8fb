-- How long each table is kept, and the partitions of those that come by the day (UTC).
create table if not exists monitoring.retention (
  relation text primary key,
  time_column name not null,
  keep interval not null check (keep > interval '0'),
  daily boolean not null
);
comment on table monitoring.retention is 'How long rows are kept; an update takes effect with the next maintenance';
select monitoring.protect('monitoring.retention');

create or replace function monitoring.kept_since(p_relation text, p_now timestamptz default now()) returns timestamptz
language sql stable set search_path = '' as $$
  select case when r.daily then date_bin('1 day', p_now - r.keep, '2000-01-01 00:00+00') else p_now - r.keep end
  from monitoring.retention r where r.relation = p_relation;
$$;
comment on function monitoring.kept_since is 'Rows from this time on are whole; days are dropped whole';

create or replace function monitoring.stored_columns(p_table regclass) returns text
language sql stable set search_path = '' as $$
  select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_catalog.pg_attribute a
  where a.attrelid = p_table and a.attnum > 0 and not a.attisdropped and a.attgenerated = '';
$$;

create or replace function monitoring.make_day(p_relation text, p_day date) returns boolean
language plpgsql set search_path = '' as $$
declare
  family text := split_part(p_relation, '.', 2);
  part text := format('monitoring_days.%I', family || '_' || to_char(p_day, 'YYYYMMDD'));
  rest text := format('monitoring_days.%I', family || '_default');
  columns text := monitoring.stored_columns(p_relation::regclass);
  starts timestamptz := p_day::timestamp at time zone 'UTC';
  ends timestamptz := (p_day + 1)::timestamp at time zone 'UTC';
  time_column name := (select r.time_column from monitoring.retention r where r.relation = p_relation);
begin
  if to_regclass(part) is not null then
    return false;
  end if;
  -- Rows of that day that came before it was made wait in the default partition. Whoever is about to write
  -- one waits here, before it has chosen a partition: the default one would refuse it once the day is made.
  execute format('lock table %s in share row exclusive mode', p_relation);
  execute format('lock table %s in access exclusive mode', rest);
  execute format('create table %s (like %s including all excluding identity)', part, p_relation);
  execute format('alter table %s enable row level security', part);
  execute format('with moved as (delete from %s where %I >= %L and %I < %L returning %s) '
    'insert into %s (%s) select * from moved',
    rest, time_column, starts, time_column, ends, columns, part, columns);
  execute format('alter table %s attach partition %s for values from (%L) to (%L)', p_relation, part, starts, ends);
  return true;
end;
$$;
comment on function monitoring.make_day is
  'Makes the partition of a day and moves there what waits for it; false if it is there';

create or replace function monitoring.make_days(
  p_now timestamptz default now(), p_ahead integer default 7, p_relation text default null
) returns integer
language plpgsql set search_path = '' set timezone = 'UTC' set lock_timeout = '2s' as $$
declare
  kept monitoring.retention;
  wanted date[];
  made integer := 0;
  today date := p_now::date;
  part_day date;
begin
  for kept in select * from monitoring.retention r
              where r.daily and r.relation = coalesce(p_relation, r.relation) order by r.relation loop
    execute format('select array_agg(distinct d.%1$I::date)
        from monitoring_days.%2$I d where d.%1$I >= $1 and d.%1$I < $2',
        kept.time_column, split_part(kept.relation, '.', 2) || '_default')
      into wanted using monitoring.kept_since(kept.relation, p_now), (today + p_ahead + 1)::timestamptz;
    for part_day in select d::date from generate_series(today, today + p_ahead, interval '1 day') d
                    union select unnest(wanted) order by 1 loop
      made := made + monitoring.make_day(kept.relation, part_day)::integer;
    end loop;
  end loop;
  return made;
end;
$$;
comment on function monitoring.make_days is 
  'Makes the days ahead, and those that rows in a default partition belong to; how many. '
  'Of one table or of all: those who '
  'write to several tables at once are safe from deadlocks only if each has a transaction of its own';

create or replace function monitoring.keep_by_day(p_relation text, p_time_column name, p_keep interval) returns void
language plpgsql set search_path = '' as $$
declare
  rest text := format('monitoring_days.%I', split_part(p_relation, '.', 2) || '_default');
begin
  insert into monitoring.retention values (p_relation, p_time_column, p_keep, true) on conflict do nothing;
  if to_regclass(rest) is null then
    execute format('create table %s partition of %s default', rest, p_relation);
    execute format('alter table %s enable row level security', rest);
  end if;
  perform monitoring.make_days(p_relation => p_relation);
end;
$$;

create or replace function monitoring.drop_expired(p_now timestamptz default now(), p_relation text default null)
returns table (relation text, days_dropped integer, rows_deleted bigint)
language plpgsql set search_path = '' set timezone = 'UTC' set lock_timeout = '2s' as $$
declare
  kept monitoring.retention;
  since timestamptz;
  part regclass;
begin
  for kept in select * from monitoring.retention r
              where r.relation = coalesce(p_relation, r.relation) order by r.relation loop
    relation := kept.relation;
    days_dropped := 0;
    since := monitoring.kept_since(kept.relation, p_now);
    if kept.daily then
      for part in select i.inhrelid::regclass from pg_catalog.pg_inherits i
                  join pg_catalog.pg_class c on c.oid = i.inhrelid
                  where i.inhparent = kept.relation::regclass and c.relname ~ '_\d{8}$'
                    and right(c.relname, 8)::date < since::date loop
        execute format('drop table %s', part);
        days_dropped := days_dropped + 1;
      end loop;
    end if;
    execute format('delete from %s where %I < $1',
        case when kept.daily then format('monitoring_days.%I', split_part(kept.relation, '.', 2) || '_default')
             else kept.relation end, kept.time_column)
      using since;
    get diagnostics rows_deleted = row_count;
    return next;
  end loop;
end;
$$;
comment on function monitoring.drop_expired is
  'Drops the days and deletes the rows that are kept no longer, of one table or of all';

select monitoring.allow(f, variadic array[]::text[]) from unnest(array[
  'monitoring.kept_since(text, timestamptz)', 'monitoring.stored_columns(regclass)', 'monitoring.make_day(text, date)',
  'monitoring.make_days(timestamptz, integer, text)', 'monitoring.keep_by_day(text, name, interval)',
  'monitoring.drop_expired(timestamptz, text)']::regprocedure[]) f;
