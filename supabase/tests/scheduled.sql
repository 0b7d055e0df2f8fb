-- Where pg_cron is, it does the upkeep; elsewhere there is nothing to see.
begin;
select exists (select from pg_extension where extname = 'pg_cron') as scheduled \gset
\if :scheduled
select plan(3);
select set_eq('select jobname, schedule, command from cron.job where active', $$values
  ('exai-roll-up', '* * * * *', 'call monitoring.roll_up()'), ('exai-maintain', '17 * * * *',
  'call monitoring.maintain()')$$,
  'minutes by the minute, days by the hour');
select ok(monitoring.schedule_maintenance(), 'scheduling it again');
select is((select count(*) from cron.job), 2::bigint, 'changes nothing');
\else
select plan(1);
select ok(not monitoring.schedule_maintenance(), 'without pg_cron nothing is scheduled, and nothing fails');
\endif
select * from finish();
rollback;
