-- The batches that the edge function has taken: a repeat within 24 hours gets the same reply and writes nothing.
create table if not exists monitoring.received_batches (
  batch_id text primary key,
  body_sha256 text not null,
  reply jsonb not null,
  received_at timestamptz not null default now()
);
create index if not exists received_batches_by_age on monitoring.received_batches (received_at);
select monitoring.protect('monitoring.received_batches');
insert into monitoring.retention values ('monitoring.received_batches', 'received_at', '24 hours', false)
on conflict do nothing;
