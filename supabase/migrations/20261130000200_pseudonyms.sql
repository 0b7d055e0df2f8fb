-- Conversations are kept under a hash of their id, the one that exporter/pseudonyms.py makes.
create or replace function monitoring.pseudonym(p_plain text) returns text
language sql stable strict parallel safe set search_path = '' as $$
  select case when p_plain ~ '^sha256:[0-9a-f]{32}$' then p_plain
    else 'sha256:' || left(encode(sha256(convert_to('exai:conversation:' || p_plain, 'UTF8')), 'hex'), 32) end;
$$;
comment on function monitoring.pseudonym is
  'The hash under which a conversation is kept: where conversation_id = monitoring.pseudonym(''the id'')';
select monitoring.allow('monitoring.pseudonym(text)', 'authenticated', 'service_role');

-- Traces of 0.1 have plain ids.
update monitoring.traces t set conversation_id = monitoring.pseudonym(t.conversation_id)
where t.conversation_id is not null and t.conversation_id !~ '^sha256:[0-9a-f]{32}$';
comment on column monitoring.traces.conversation_id is 'monitoring.pseudonym of the id';
