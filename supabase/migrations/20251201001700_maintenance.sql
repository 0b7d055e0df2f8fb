-- Days ahead, roll-ups and retention: by pg_cron where it runs, else by `python -m exporter maintain`.
create or replace procedure monitoring.maintain(p_now timestamptz default now()) language plpgsql as $$
declare
  kept constant text[] := array(select r.relation from monitoring.retention r order by r.relation);
  relation text;
begin
  foreach relation in array kept loop
    perform monitoring.make_days(p_now, p_relation => relation);
    commit;
  end loop;
  -- Before the days are dropped: a day leaves nothing behind but its minutes and hours.
  call monitoring.roll_up(p_now);
  foreach relation in array kept loop
    perform monitoring.drop_expired(p_now, relation);
    commit;
  end loop;
end;
$$;
select monitoring.allow('monitoring.maintain(timestamptz)', variadic array[]::text[]);

create or replace function monitoring.schedule_maintenance() returns boolean
language plpgsql set search_path = '' as $$
begin
  if not exists (select from pg_catalog.pg_extension e where e.extname = 'pg_cron') then
    return false;
  end if;
  perform cron.schedule('exai-roll-up', '* * * * *', 'call monitoring.roll_up()');
  perform cron.schedule('exai-maintain', '17 * * * *', 'call monitoring.maintain()');
  return true;
end;
$$;
comment on function monitoring.schedule_maintenance is 'Schedules maintenance with pg_cron; false where pg_cron is not';
select monitoring.allow('monitoring.schedule_maintenance()', variadic array[]::text[]);

do $$
begin
  if current_setting('cron.database_name', true) = current_database() then
    create extension if not exists pg_cron;
  end if;
exception when insufficient_privilege then
  raise notice 'pg_cron could not be created'
    using hint = 'create extension pg_cron, then select monitoring.schedule_maintenance()';
end;
$$;
select monitoring.schedule_maintenance();
