begin;
select no_plan();
set local timezone = 'America/New_York';

create temp view days as
  select i.inhparent::regclass::text as relation, c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where c.relnamespace = 'monitoring_days'::regnamespace and c.relkind = 'r';

select is((select count(*) from days where relation = r), 9::bigint, r || ' has today, seven days ahead, and the rest')
from unnest(array['cache_metrics', 'monitoring.metrics_raw', 'monitoring.monitoring_events', 'monitoring.errors',
  'monitoring.traces', 'monitoring.spans', 'monitoring.model_calls']) r;

prepare late as insert into public.cache_metrics (event_id, operation_type, implementation_type,
  timestamp) values ($1, 'hit', 'new', $2);
select lives_ok($$execute late('old', now() - interval '3 days')$$, 'late rows are taken');
select lives_ok($$execute late('ancient', '2015-01-01')$$, 'however late');
select lives_ok($$execute late('early', now() + interval '40 days')$$, 'and early ones');
select is((select count(*) from monitoring_days.cache_metrics_default), 3::bigint, 'they wait where no day is theirs');

create temp table before as select event_id, id, written_in from public.cache_metrics;
select is(monitoring.make_days(), 1, 'maintenance makes the day that is within the week');
select is((select count(*) from monitoring_days.cache_metrics_default), 2::bigint, 'and its row moves there');
select is((select c.tableoid::regclass::text from public.cache_metrics c where event_id = 'old'),
  'monitoring_days.cache_metrics_' || to_char((now() - interval '3 days') at time zone 'UTC', 'YYYYMMDD'),
  'into the day of UTC');
select set_eq('select event_id, id, written_in from public.cache_metrics', 'select * from before',
  'as the row that it was');
select is(monitoring.make_days(), 0, 'which is done once');
select is(monitoring.make_days(now() + interval '40 days'), 7 * 8, 'later days come with later maintenance');
select is((select count(*) from monitoring_days.cache_metrics_default), 1::bigint, 'and what came early finds its day');
select is((select count(*) from pg_class where relnamespace = 'monitoring_days'::regnamespace and relkind = 'r' and
  not relrowsecurity), 0::bigint,
  'days are shut as their tables are');

insert into monitoring.metrics_raw (type, data, timestamp) select 'x', '{}',
  now() - interval '9 days' from generate_series(1, 3);
select is((select count(distinct id) from monitoring.metrics_raw), 3::bigint, 'ids are counted across days');
insert into public.cache_metrics (event_id, operation_type, implementation_type, timestamp) values ('old', 'hit',
  'new', now() - interval '3 days') on conflict do nothing;
select is((select count(*) from public.cache_metrics where event_id = 'old'), 1::bigint,
  'a repeated event is the same row');

create function pg_temp.plan_of(query text) returns text language plpgsql as $$
declare
  line text;
  plan text := '';
begin
  for line in execute 'explain (costs off) ' || query loop
    plan := plan || line || E'\n';
  end loop;
  return plan;
end;
$$;
select doesnt_match(pg_temp.plan_of($$select * from public.cache_metrics where timestamp >= '$$ || now() || $$' and
  timestamp < '$$ || now() + interval '1 minute' || $$'$$),
  'cache_metrics_default', 'a query of today leaves the rest alone');

select * from finish();
rollback;
