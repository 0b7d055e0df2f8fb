begin;
select no_plan();
set local timezone = 'America/New_York';

create temp table replies (name text, reply jsonb);
insert into replies values ('metrics', public.aggregate_metrics(jsonb_build_array(
  jsonb_build_object('type', 'cache_hit', 'timestamp', now(), 'data', jsonb_build_object('implementation', 'new',
  'response_time_ms', 10)),
  jsonb_build_object('type', 'cache_miss', 'timestamp', extract(epoch from now()), 'data',
  jsonb_build_object('implementation', 'new', 'response_time_ms', 30.5)),
  'nonsense'::text,
  jsonb_build_object('type', 'cache_hit', 'timestamp', now(), 'data', 'text'::text),
  jsonb_build_object('type', E'a\nb', 'timestamp', now(), 'data', '{}'::jsonb),
  jsonb_build_object('timestamp', now(), 'data', '{}'::jsonb),
  jsonb_build_object('type', 'x', 'timestamp', '2014-12-31T23:59:59Z', 'data', '{}'::jsonb),
  jsonb_build_object('type', 'x', 'timestamp', now() + interval '2 days', 'data', '{}'::jsonb),
  jsonb_build_object('type', 'x', 'timestamp', '2026-13-01T00:00:00', 'data', '{}'::jsonb),
  jsonb_build_object('type', 'x', 'timestamp', 'tomorrow', 'data', '{}'::jsonb),
  jsonb_build_object('type', 'x', 'timestamp', 1e300, 'data', '{}'::jsonb),
  jsonb_build_object('type', 'performance', 'timestamp', now(), 'data',
  '{"operation": "chat", "duration_ms": 1e400, "success": true}'::jsonb),
  jsonb_build_object('type', 'performance', 'timestamp', now(), 'data',
  '{"operation": "chat", "duration_ms": 70, "success": false}'::jsonb),
  jsonb_build_object('type', 'connection_event', 'timestamp', now(), 'data',
  '{"service": "redis", "success": true}'::jsonb),
  jsonb_build_object('type', 'connection_event', 'timestamp', now(), 'data',
  '{"service": "redis", "error": "gone"}'::jsonb),
  jsonb_build_object('type', 'websocket_health', 'timestamp', now(), 'data',
  '{"active_connections": 3, "total_messages": 10, "error_count": 1}'::jsonb)
)));
select is((select reply - 'errors' from replies where name = 'metrics'), '{"accepted": 7, "rejected": 9}',
  'good items are written beside bad ones');
select is((select jsonb_agg(jsonb_build_array(e -> 'index', e -> 'field', e -> 'reason')) from replies,
  jsonb_array_elements(reply -> 'errors') e where name = 'metrics'),
  '[[2, "", "invalid"], [3, "data", "invalid"], [4, "type", "invalid"], [5, "type", "missing"],
    [6, "timestamp", "invalid"], [7, "timestamp", "invalid"], [8, "timestamp", "invalid"], [9, "timestamp", "invalid"], 
    [10, "timestamp", "invalid"]]',
  'each bad item is named by its place, its field and why');
select is((select count(*) from monitoring.metrics_raw), 7::bigint, 'as many rows as were accepted');
select is((select count(*) from monitoring.metrics_1min), 0::bigint, 'a call refreshes nothing');
select throws_ok($$select public.aggregate_metrics('{}')$$, '22023', null, 'what is no array is refused');
select is(public.aggregate_metrics('[]'), '{"accepted": 0, "rejected": 0, "errors": []}',
  'nothing is taken as nothing');

select results_eq($$select * from public.get_cache_metrics_summary()$$,
  $$values ('new'::text, 50.00::numeric, 2::bigint, 20.25::numeric)$$,
  'hits, misses and their mean');
select results_eq($$select * from public.get_connection_metrics_summary('24hours')$$,
  $$values ('redis'::text, 2::bigint, 1::bigint, 1::bigint, 50.00::numeric)$$,
  'an error text is an error');
select results_eq($$select * from public.get_performance_metrics_summary('7days')$$,
  $$values ('chat'::text, 2::bigint, 70.00::numeric, 70::numeric, 50.00::numeric)$$,
  'a time that no clock could show is left out');
select results_eq($$select * from public.get_websocket_metrics_summary()$$,
  $$values (3.00::numeric, 10::bigint, 1::bigint, 10.00::numeric)$$, 'sockets');
select throws_ok($$select * from public.get_cache_metrics_summary('2hours')$$, '22023', null,
  'a range that is not known is refused');
select throws_ok($$select * from public.get_performance_metrics_summary('2hours')$$, '22023', null, 'by every summary');

insert into replies values ('naive',
  public.aggregate_metrics('[{"type": "zone", "timestamp": "2026-01-02T03:04:05.678", "data": {}}]'));
select is((select timestamp from monitoring.metrics_raw where type = 'zone'),
  '2026-01-02 03:04:05.678+00'::timestamptz, 'a time without a zone is UTC, whatever the session''s');

insert into replies values ('events', public.insert_monitoring_events_batch(jsonb_build_array(
  jsonb_build_object('event_type', 'a', 'source', 's', 'timestamp', now() - interval '1 minute', 'data',
  '{"n": 1}'::jsonb, 'metadata', '{"m": 1}'::jsonb),
  jsonb_build_object('event_type', 'b', 'source', 's', 'timestamp', now(), 'data', '{"n": 2}'::jsonb),
  jsonb_build_object('event_type', 'b', 'timestamp', now(), 'data', '{"n": 2}'::jsonb))));
select is((select reply from replies where name = 'events'),
  '{"accepted": 2, "rejected": 1, "errors": [
    {"index": 2, "field": "source", "reason": "missing", "message": "needs 1 to 128 printable characters"}]}',
  'events too');
select results_eq($$select event_type, data, metadata from public.get_monitoring_events()$$,
  $$values ('b'::text, '{"n": 2}'::jsonb, '{}'::jsonb), ('a', '{"n": 1}', '{"m": 1}')$$, 'newest first');
select results_eq($$select event_type from public.get_monitoring_events(1, 1)$$, $$values ('a'::text)$$, 'by pages');
select results_eq($$select event_type from public.get_monitoring_events(p_event_type => 'a', p_source => 's')$$,
  $$values ('a'::text)$$, 'of a type and a source');
select is((select row(e.event_type, e.source, e.data, e.metadata)::text from public.insert_monitoring_event('c',
  now(), 's', '{"n": 3}') e),
  '(c,s,"{""n"": 3}",{})', 'a single event comes back as it was written');

select is(public.calculate_hit_rate(3, 1), 75.00, 'three of four are 75 percent');
select is(public.calculate_hit_rate(0, 0), null, 'no lookups have no hit rate');

insert into public.cache_metrics (operation_type, implementation_type, response_time_ms, timestamp) values
  ('hit', 'new', 10, now()), ('miss', 'new', 30, now()), ('error', 'new', null, now()), ('set', 'legacy', 5, now()),
  ('hit', 'new', 1, now() - interval '2 hours');
select results_eq($$select * from public.get_cache_performance_summary()$$,
  $$values ('legacy'::text, 1::bigint, null::numeric, 5.00::numeric, 0::bigint), ('new', 3, 50.00, 20.00, 1)$$,
  'the last hour');
select results_eq($$select total_operations from public.get_cache_performance_summary('new', '3 hours')$$,
  $$values (4::bigint)$$, 'of one, and longer');

select * from finish();
rollback;
