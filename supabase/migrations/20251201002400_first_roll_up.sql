-- The minutes and hours of the rows that were converted, however old: retention drops them afterwards.
do $$
declare
  minutes timestamptz[];
  hours timestamptz[];
begin
  if exists (select from monitoring.roll_ups r where r.rolled_at > '-infinity') then
    return;
  end if;
  select array_agg(distinct date_bin('1 minute', m.timestamp, '2000-01-01 00:00+00')),
         array_agg(distinct date_bin('1 hour', m.timestamp, '2000-01-01 00:00+00'))
           filter (where date_bin('1 hour', m.timestamp, '2000-01-01 00:00+00') + interval '1 hour' <= now())
    into minutes, hours from public.cache_metrics m;
  perform monitoring.write_cache_minutes(minutes);
  perform monitoring.write_cache_hours(hours);
  select array_agg(distinct date_bin('1 minute', m.timestamp, '2000-01-01 00:00+00')),
         array_agg(distinct date_bin('1 hour', m.timestamp, '2000-01-01 00:00+00'))
           filter (where date_bin('1 hour', m.timestamp, '2000-01-01 00:00+00') + interval '1 hour' <= now())
    into minutes, hours from monitoring.metrics_raw m;
  perform monitoring.write_metric_windows('minute', minutes);
  perform monitoring.write_metric_windows('hour', hours);
end;
$$;
drop function monitoring.take_back(text);
drop function monitoring.set_aside(text);
drop schema if exists monitoring_plain;
