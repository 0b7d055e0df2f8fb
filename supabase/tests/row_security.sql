begin;
select no_plan();

create temp view ours as
  select c.oid::regclass as relation, c.relrowsecurity from pg_class c
  where c.relkind in ('r', 'p') and (
    c.relnamespace in ('monitoring'::regnamespace, 'monitoring_days'::regnamespace)
    or c.relnamespace = 'public'::regnamespace and c.relname like 'cache\_%');
create temp view our_functions as
  select p.oid::regprocedure as name, p.* from pg_proc p
  where p.pronamespace = 'monitoring'::regnamespace
    or p.pronamespace = 'public'::regnamespace and p.proname ~ '(monitoring_event|metrics|cache|hit_rate)';

select cmp_ok((select count(*) from ours), '>', 40::bigint, 'the tables and their days are found');
select is_empty('select relation from ours where not relrowsecurity', 'row security is on everywhere');
select is_empty($$
  select relation from ours, unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references',
  'trigger']) as what
  where has_table_privilege('anon', relation, what)$$, 'anon may do nothing with any table');
select is_empty($$
  select relation from ours, unnest(array['insert', 'update', 'delete', 'truncate']) as what
  where has_table_privilege('authenticated', relation, what)$$, 'authenticated writes nothing');
select is_empty($$
  select relation from ours, unnest(array['anon', 'authenticated', 'service_role']) as who
  where relation::text like 'monitoring_days.%' and has_table_privilege(who, relation,
  'select')$$, 'days are reached through their table alone');
select is_empty($$select nspname from pg_namespace where nspname like 'monitoring%' and has_schema_privilege('anon',
  oid, 'usage')$$,
  'anon cannot even name a table of the schema');
select is_empty($$select name from our_functions where prosecdef$$, 'no function lends the rights of its owner');
select is_empty($$
  select name from our_functions where prokind = 'f' and not coalesce(array_to_string(proconfig,
  ',') ~ 'search_path=""', false)$$,
  'every function pins its search_path');
select is_empty($$select name from our_functions where has_function_privilege('anon', name::oid, 'execute')$$,
  'anon may call nothing');
select set_eq($$select distinct proname::text from our_functions where pronamespace = 'public'::regnamespace
    and has_function_privilege('authenticated', name::oid, 'execute')$$,
  array['get_monitoring_events', 'get_cache_metrics_summary', 'get_connection_metrics_summary',
  'get_performance_metrics_summary',
    'get_websocket_metrics_summary', 'get_cache_performance_summary', 'calculate_hit_rate'],
    'authenticated calls what reads');
select is_empty($$select proname from our_functions group by pronamespace, proname having count(*) > 1$$,
  'a name is one function');

set local role service_role;
select lives_ok($$select public.insert_monitoring_event('t', now(), 'gateway', '{}')$$, 'service_role writes events');
select lives_ok($$select public.aggregate_metrics('[{"type": "cache_hit", "data": {}, "timestamp": 1760000000}]')$$,
  'service_role writes metrics');
select lives_ok($$insert into public.cache_metrics (operation_type, implementation_type) values ('hit', 'new')$$,
  'service_role writes rows');
select lives_ok($$select monitoring.roll_up_cache_minutes(array[now()])$$, 'service_role brings minutes up to date');
select lives_ok($$insert into public.monitoring_events_view (event_type, timestamp, source, data) values ('t', now(),
  'view', '{}')$$,
  'service_role writes through the view');
select lives_ok($$insert into monitoring.errors (timestamp, service, traceback) values (now(), 'redis',
  'Traceback')$$, 'service_role writes errors');
select lives_ok($$select count(*) from public.compute_cache_baseline()$$, 'service_role computes baselines');
select throws_ok($$select monitoring.drop_expired()$$, '42501', null, 'service_role drops no days');

set local role authenticated;
select isnt_empty('select * from public.get_monitoring_events()', 'authenticated reads events');
select isnt_empty('select * from public.cache_metrics', 'authenticated reads rows');
select is((select count(*) from monitoring.errors), 1::bigint, 'authenticated reads errors');
select isnt_empty('select * from public.cache_metrics_1min', 'authenticated reads minutes');
select lives_ok($$select * from public.get_cache_performance_summary()$$, 'authenticated reads summaries');
select throws_ok($$insert into public.cache_metrics (operation_type, implementation_type) values ('hit', 'new')$$,
  '42501', null, 'authenticated writes no rows');
select throws_ok($$delete from monitoring.errors$$, '42501', null, 'authenticated deletes nothing');
select throws_ok($$select public.aggregate_metrics('[]')$$, '42501', null, 'authenticated writes no metrics');
select throws_ok($$insert into public.monitoring_events_view (event_type, timestamp, source, data) values ('t',
  now(), 'view', '{}')$$, '42501', null,
  'authenticated does not write through the view');

set local role anon;
select throws_ok($$select * from public.cache_metrics$$, '42501', null, 'anon reads no rows');
select throws_ok($$select * from public.monitoring_events_view$$, '42501', null, 'anon reads no events');
select throws_ok($$select * from monitoring.errors$$, '42501', null, 'anon reads no errors');
select throws_ok($$select * from public.get_monitoring_events()$$, '42501', null, 'anon calls nothing that reads');
select throws_ok($$select public.insert_monitoring_events_batch('[]')$$, '42501', null,
  'anon calls nothing that writes');

reset role;
-- A table that nobody has granted away is still shut by its policies.
grant all on all tables in schema public to anon, authenticated;
set local role anon;
select is((select count(*) from public.cache_metrics), 0::bigint, 'a careless grant shows anon nothing');
select throws_ok($$insert into public.cache_metrics (operation_type, implementation_type) values ('hit', 'new')$$,
  '42501', null,
  'and lets anon write nothing');
set local role authenticated;
select throws_ok($$insert into public.cache_metrics (operation_type, implementation_type) values ('hit', 'new')$$,
  '42501', null,
  'nor authenticated');

reset role;
select * from finish();
rollback;
