-- Minutes and hours are computed anew from the raw rows whenever rows of theirs were written.
create table if not exists monitoring.roll_ups (
  source text primary key,
  settled xid8 not null default '0',
  rolled_at timestamptz not null default '-infinity'
);
comment on table monitoring.roll_ups is 'How far each raw table is rolled up: the rows of transactions below `settled`';
select monitoring.protect('monitoring.roll_ups');
insert into monitoring.roll_ups (source) values ('public.cache_metrics'), ('monitoring.metrics_raw')
on conflict do nothing;

create or replace function monitoring.write_cache_minutes(p_starts timestamptz[]) returns void
language sql set search_path = '' as $$
  insert into public.cache_metrics_1min as w (
    minute_window, implementation_type, total_operations, hits, misses, sets, evictions, errors, timed_operations,
    avg_response_time_ms, stddev_response_time_ms, p50_response_time_ms, p95_response_time_ms, p99_response_time_ms,
    max_response_time_ms, avg_cache_size, max_cache_size, hit_rate)
  select c.starts, c.implementation_type, c.total_operations, c.hits, c.misses, c.sets, c.evictions, c.errors,
    c.timed_operations, c.avg_response_time_ms, c.stddev_response_time_ms,
    c.percentiles[1], c.percentiles[2], c.percentiles[3], c.max_response_time_ms, c.avg_cache_size, c.max_cache_size,
    public.calculate_hit_rate(c.hits, c.misses)
  from monitoring.cache_windows(interval '1 minute', p_starts) c
  on conflict (minute_window, implementation_type) do update set (
    total_operations, hits, misses, sets, evictions, errors, timed_operations,
    avg_response_time_ms, stddev_response_time_ms, p50_response_time_ms, p95_response_time_ms, p99_response_time_ms,
    max_response_time_ms, avg_cache_size, max_cache_size, hit_rate
  ) = row(
    excluded.total_operations, excluded.hits, excluded.misses, excluded.sets, excluded.evictions, excluded.errors,
    excluded.timed_operations, excluded.avg_response_time_ms, excluded.stddev_response_time_ms,
    excluded.p50_response_time_ms, excluded.p95_response_time_ms, excluded.p99_response_time_ms,
    excluded.max_response_time_ms, excluded.avg_cache_size, excluded.max_cache_size, excluded.hit_rate
  );
$$;

create or replace function monitoring.write_cache_hours(p_starts timestamptz[]) returns void
language sql set search_path = '' as $$
  insert into public.cache_metrics_1hour as w (
    hour_window, implementation_type, total_operations, hits, misses, sets, evictions, errors, timed_operations,
    avg_response_time_ms, stddev_response_time_ms, p50_response_time_ms, p95_response_time_ms, p99_response_time_ms,
    max_response_time_ms, avg_cache_size, max_cache_size, hit_rate, response_time_buckets)
  select c.starts, c.implementation_type, c.total_operations, c.hits, c.misses, c.sets, c.evictions, c.errors,
    c.timed_operations, c.avg_response_time_ms, c.stddev_response_time_ms,
    c.percentiles[1], c.percentiles[2], c.percentiles[3], c.max_response_time_ms, c.avg_cache_size, c.max_cache_size,
    public.calculate_hit_rate(c.hits, c.misses),
    monitoring.cache_buckets(c.implementation_type, c.starts, c.starts + interval '1 hour')
  from monitoring.cache_windows(interval '1 hour', p_starts) c
  on conflict (hour_window, implementation_type) do update set (
    total_operations, hits, misses, sets, evictions, errors, timed_operations,
    avg_response_time_ms, stddev_response_time_ms, p50_response_time_ms, p95_response_time_ms, p99_response_time_ms,
    max_response_time_ms, avg_cache_size, max_cache_size, hit_rate, response_time_buckets
  ) = row(
    excluded.total_operations, excluded.hits, excluded.misses, excluded.sets, excluded.evictions, excluded.errors,
    excluded.timed_operations, excluded.avg_response_time_ms, excluded.stddev_response_time_ms,
    excluded.p50_response_time_ms, excluded.p95_response_time_ms, excluded.p99_response_time_ms,
    excluded.max_response_time_ms, excluded.avg_cache_size, excluded.max_cache_size, excluded.hit_rate,
    excluded.response_time_buckets
  );
$$;

create or replace function monitoring.write_metric_windows(p_unit text, p_starts timestamptz[]) returns void
language plpgsql set search_path = '' as $$
begin
  execute format($sql$
    insert into monitoring.metrics_1%1$s as w
    select m.starts, m.type, m.subject, m.count, m.timed_count, m.avg_response_time_ms, m.min_response_time_ms,
      m.max_response_time_ms, m.percentiles[1], m.percentiles[2], m.percentiles[3], m.success_count, m.error_count
    from monitoring.metric_windows($1, $2) m
    on conflict (%2$s_window, type, subject) do update set (
      count, timed_count, avg_response_time_ms, min_response_time_ms, max_response_time_ms,
      p50_response_time_ms, p95_response_time_ms, p99_response_time_ms, success_count, error_count
    ) = row(
      excluded.count, excluded.timed_count, excluded.avg_response_time_ms, excluded.min_response_time_ms,
      excluded.max_response_time_ms, excluded.p50_response_time_ms, excluded.p95_response_time_ms,
      excluded.p99_response_time_ms, excluded.success_count, excluded.error_count)
  $sql$, case p_unit when 'minute' then 'min' else p_unit end, p_unit) using ('1 ' || p_unit)::interval, p_starts;
end;
$$;

create or replace function monitoring.roll_up_windows(p_source text, p_unit text, p_starts timestamptz[]) returns void
language plpgsql set search_path = '' as $$
declare
  starts timestamptz;
begin
  -- In order, against deadlocks; whoever waits here sees the rows of whom it waited for.
  for starts in select distinct u from unnest(p_starts) u order by u loop
    perform pg_advisory_xact_lock(hashtext(p_source || p_unit), (extract(epoch from starts) / 60)::integer);
  end loop;
  case p_source || '/' || p_unit
    when 'public.cache_metrics/minute' then perform monitoring.write_cache_minutes(p_starts);
    when 'public.cache_metrics/hour' then perform monitoring.write_cache_hours(p_starts);
    else perform monitoring.write_metric_windows(p_unit, p_starts);
  end case;
end;
$$;

create or replace function monitoring.roll_up_cache_minutes(p_times timestamptz[]) returns void
language sql set search_path = '' as $$
  select monitoring.roll_up_windows('public.cache_metrics', 'minute', coalesce(array_agg(distinct u.starts), '{}'))
  from (select date_bin('1 minute', t, '2000-01-01 00:00+00') as starts from unnest(p_times) t) u
  where u.starts >= monitoring.kept_since('public.cache_metrics');
$$;
comment on function monitoring.roll_up_cache_minutes is
  'Brings the minutes of these times up to date within the transaction that wrote their rows';

create or replace function monitoring.windows_due(
  p_source text, p_now timestamptz, out minutes timestamptz[], out hours timestamptz[], out settled xid8
)
language plpgsql set search_path = '' as $$
declare
  before monitoring.roll_ups := (select r from monitoring.roll_ups r where r.source = p_source);
  since timestamptz := monitoring.kept_since(p_source, p_now);
begin
  settled := pg_snapshot_xmin(pg_current_snapshot());
  -- A window whose rows are dropped in part is never computed again: it would lose what it knows.
  execute format('select coalesce(array_agg(distinct date_bin(''1 minute'', r.timestamp,
                    ''2000-01-01 00:00+00'')), ''{}'')
                  from %s r where r.written_in >= $1 and r.written_in < $2 and r.timestamp >= $3', p_source)
    into minutes using before.settled, settled, since;
  select coalesce(array_agg(h.hour order by h.hour), '{}') into hours from (
    select date_bin('1 hour', m, '2000-01-01 00:00+00') as hour from unnest(minutes) m
    union
    select generate_series(
      date_bin('1 hour', greatest(before.rolled_at - interval '1 hour', since), '2000-01-01 00:00+00'), p_now, '1 hour')
  ) h where h.hour + interval '1 hour' <= p_now;
end;
$$;
comment on function monitoring.windows_due is
  'The minutes that settled transactions have written to, their hours and those that have ended since, '
  'and how far that goes';

create or replace procedure monitoring.roll_up(p_now timestamptz default now()) language plpgsql as $$
declare
  due record;
  raw text;
  first integer;
begin
  foreach raw in array array['public.cache_metrics', 'monitoring.metrics_raw'] loop
    due := monitoring.windows_due(raw, p_now);
    for first in 1 .. cardinality(due.minutes) by 200 loop
      perform monitoring.roll_up_windows(raw, 'minute', due.minutes[first:first + 199]);
      commit;
    end loop;
    for first in 1 .. cardinality(due.hours) by 50 loop
      perform monitoring.roll_up_windows(raw, 'hour', due.hours[first:first + 49]);
      commit;
    end loop;
    update monitoring.roll_ups r
      set settled = greatest(r.settled, due.settled), rolled_at = greatest(r.rolled_at, p_now) where r.source = raw;
    commit;
  end loop;
end;
$$;

select monitoring.allow(f, 'service_role') from unnest(array[
  'monitoring.write_cache_minutes(timestamptz[])', 'monitoring.roll_up_windows(text, text, timestamptz[])',
  'monitoring.roll_up_cache_minutes(timestamptz[])', 'monitoring.kept_since(text, timestamptz)']::regprocedure[]) f;
select monitoring.allow(f, variadic array[]::text[]) from unnest(array[
  'monitoring.write_cache_hours(timestamptz[])', 'monitoring.write_metric_windows(text, timestamptz[])',
  'monitoring.windows_due(text, timestamptz)', 'monitoring.roll_up(timestamptz)']::regprocedure[]) f;
