-- Not in a transaction: a slot shows what is committed.
\set QUIET on
select no_plan();

select set_eq($$select schemaname || '.' || tablename from pg_publication_tables where pubname = 'supabase_realtime'$$,
  array['public.cache_metrics_1min', 'public.cache_auditor_observations', 'monitoring.monitoring_events'],
  'three tables are published, and no day');
select ok((select pubviaroot from pg_publication where pubname = 'supabase_realtime'),
  'a day is published as its table');

select lives_ok($$select pg_create_logical_replication_slot('exai_' || current_database(), 'pgoutput')$$,
  'a slot can be made');
insert into monitoring.monitoring_events (event_type, source, data, timestamp) values ('published', 'here', '{}',
  now());
insert into monitoring.monitoring_events (event_type, source, data, timestamp) values ('published late', 'here',
  '{}', now() - interval '3 days');
insert into public.cache_metrics (operation_type, implementation_type) values ('hit', 'kept quiet');
call monitoring.roll_up();
insert into public.cache_auditor_observations (severity, category, title, description, subject, metric_name)
values ('info', 'anomaly', 'an observation', 'seen', 'one', 'hit_rate');
create temp table changes as
  select substr(c.data, 1, 1) as kind, ('x' || encode(substr(c.data, 2, 4), 'hex'))::bit(32)::integer::oid as relation,
    encode(c.data, 'escape') as content
  from pg_logical_slot_get_binary_changes('exai_' || current_database(), null, null, 'proto_version', '1',
  'publication_names', 'supabase_realtime') c;
select lives_ok($$select pg_drop_replication_slot('exai_' || current_database())$$, 'and dropped');

create temp view inserts as select relation, content from changes where kind = 'I';
select set_eq('select relation from inserts',
  $$select unnest(array['public.cache_metrics_1min', 'public.cache_auditor_observations',
  'monitoring.monitoring_events']::regclass[])::oid$$,
  'rows of a day come under the name of their table');
select is((select count(*) from inserts where content ~ 'published'), 2::bigint, 'events are published, late ones too');
select is((select count(*) from inserts where content ~ 'kept quiet'), 1::bigint,
  'of caches the minute, not the operation');
select is((select count(*) from inserts where content ~ 'an observation'), 1::bigint, 'observations are published');

select * from finish();
